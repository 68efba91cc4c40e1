"""One request from its text to its answer, without HTTP."""

from identity.credentials.gate import Gate, GateClosed
from identity.subject import Subject
from schema import execution
from schema.execution import Answer, Request, prepared


async def answered(request: Request, subject: Subject) -> Answer:
    ready = prepared(request, request_id=subject.origin.request_id)
    return ready if isinstance(ready, Answer) else await execution.answer(ready, subject)


async def answered_behind(request: Request, subject: Subject, gate: Gate) -> Answer:
    """For a subject that is only presumed. Raises `GateClosed`."""
    ready = prepared(request, request_id=subject.origin.request_id)
    if isinstance(ready, Answer):
        raise GateClosed
    return await execution.answer_behind(gate, ready, subject)

"""The `Idempotency-Key` header of a mutation. What is promised: `identity.idempotency`."""

import hashlib
import re
from collections.abc import Collection

import orjson
from starlette.datastructures import Headers

from gateway.graphql.responses import published
from identity.idempotency import Claim, begin
from identity.refusals import BadInput, OutcomeUnknown
from identity.subject import Subject
from schema.execution import Answer, Prepared, Request, answer

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
"""Says that nothing was carried out for this answer; the name is the one that Stripe gave it."""

QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"')
"""A string of RFC 9651 (section 3.3.3), which the draft asks for."""
BARE = re.compile(r"[!#-~]{1,255}")
"""As most clients send it."""


def key_in(headers: Headers) -> str | None:
    """The key of a request that has one. Raises `BadInput` for one that is malformed."""
    given = headers.getlist(HEADER)
    if not given:
        return None
    quoted = QUOTED.fullmatch(given[0])
    if len(given) > 1 or not (quoted or BARE.fullmatch(given[0])):
        raise BadInput("Send one key of 1 to 255 printable ASCII characters.", field=HEADER)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else given[0]


async def answer_once(ready: Prepared, subject: Subject, key: str) -> tuple[Answer, bool]:
    """The answer to a mutation, and whether it is one that was given before.

    Only an answer that changed something is kept: what was refused, failed as a whole, or was a
    dry run, may be sent again with the same key. What nobody knows to have been done stays claimed.
    Raises the refusals of `begin`.
    """
    if not ready.changes():
        return await answer(ready, subject), False
    begun = await begin(subject, key, _digest(ready.request))
    if isinstance(begun, str):
        return Answer(orjson.loads(begun), executed=True), True
    return await _carried_out(begun, ready, subject), False


async def _carried_out(claim: Claim, ready: Prepared, subject: Subject) -> Answer:
    result = await answer(ready, subject)
    if changed_something(result, ready.changes()):
        body = None if ready.asks_for_secrets else orjson.dumps(published(result)).decode()
        await claim.keep(body)
    elif not outcome_unknown(result):
        await claim.release()
    return result


def outcome_unknown(result: Answer) -> bool:
    """Whether the database was lost while it committed."""
    errors = result.body.get("errors", ())
    return any(error["extensions"].get("reason") == OutcomeUnknown.reason for error in errors)


def changed_something(result: Answer, changes: Collection[str]) -> bool:
    """Whether any of the root fields that make changes was carried out: one that has no error of
    its own. An error below it is about what is shown of the change.
    """
    if not result.executed:
        return False
    paths = [error["path"] for error in result.body.get("errors", ()) if "path" in error]
    refused = {path[0] for path in paths if len(path) == 1}
    below = any(len(path) > 1 and path[0] in changes for path in paths)
    return below or any(
        name in changes and name not in refused for name in result.body["data"] or ()
    )


def _digest(wanted: Request) -> str:
    """What a request says: however its document was named, its text counts."""
    said = [wanted.query, wanted.operation_name, wanted.variables]
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()

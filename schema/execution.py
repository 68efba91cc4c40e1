"""Running one GraphQL request: parse, validate, check, execute."""

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute,
)
from graphql.execution.values import VariableValues

from identity.access.compiled import Access
from identity.credentials.gate import Gate, GateClosed
from identity.refusals import TooExpensive
from identity.subject import Subject
from schema import guarded_inputs
from schema.context import Context, Watch
from schema.cost import Cost, Price, prices
from schema.engine.engine import Compiled, Done, NotCompiled, Unusual
from schema.errors import formatted, in_response_order
from schema.fragments import mentions
from schema.introspection import META_FIELDS, introspection
from schema.limits import parsed, require_small, require_within_limits
from schema.metrics import FALLBACKS, by_engine, by_graphql_core
from schema.operations import operation_of, refused_root_fields
from schema.schema import engine, graphql_schema
from schema.validation import mistakes
from schema.variables import coerced

CACHED_DOCUMENTS = 500
LONGEST_CACHED = 10_000
LONG_DOCUMENTS = 4
PINNED_DOCUMENTS = 2_000
"""The bounds of the document cache: its memory is the product of the two, times a constant."""
NOT_STREAMED = "A subscription needs a stream: ask for it at /graphql/stream."


@dataclass(frozen=True, slots=True)
class Request:
    """A GraphQL request as the HTTP door read it."""

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None
    trusted: bool = False
    """Whether the operator stored its document: its plan is not pushed out by what others send."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of the response. `executed` is false when the request itself was wrong, so that
    there is no `data`; otherwise `cost` is what it could have cost.
    """

    body: dict[str, Any]
    executed: bool
    cost: Cost | None = None


log = logging.getLogger("gatepost.schema")
BROKEN = "the engine failed"
"""The reason for a fallback that is a fault of ours."""


@dataclass(frozen=True, slots=True)
class _Document:
    node: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    prices: Mapping[str | None, Price] = field(default_factory=dict)
    guarded: bool = False
    """Whether it could use a guarded input."""
    introspects: bool = False
    """Whether it asks for anything of the schema itself."""
    compiled: Compiled = field(default_factory=lambda: Compiled({}, ()))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request whose document, size and variables are right, and which says what to run. `guarded`
    is whether it could use a guarded input, `introspects` whether it asks for anything of the
    schema itself.
    """

    request: Request
    variables: VariableValues
    document: DocumentNode
    operation: OperationDefinitionNode
    cost: Cost
    guarded: bool
    introspects: bool
    compiled: Compiled

    @property
    def name(self) -> str | None:
        return self.operation.name.value if self.operation.name is not None else None

    def refused_inputs(self, access: Access) -> list[GraphQLError]:
        """An error for each input that the subject may not use."""
        if not self.guarded:
            return []
        return guarded_inputs.refused(
            graphql_schema, self.document, self.operation, self.variables, access
        )


def prepared(request: Request, *, request_id: str | None) -> Prepared | Answer:
    """What to run, or the answer that says why it cannot be run."""
    document = _document(request.query, pinned=request.trusted)
    if document.node is None or document.errors:
        return wrong(list(document.errors), request_id)
    operation = operation_of(document.node, request.operation_name)
    if operation is None:
        return wrong([_no_operation(request.operation_name)], request_id)
    name = operation.name.value if operation.name is not None else None
    try:
        require_small(request.variables)
        cost = document.prices[name].of(request.variables)
    except TooExpensive as refusal:
        return wrong([_refused(refusal)], request_id)
    variables = coerced(graphql_schema, operation, request.variables)
    if not isinstance(variables, VariableValues):
        return wrong(variables, request_id)
    return Prepared(
        request,
        variables,
        document.node,
        operation,
        cost,
        document.guarded,
        document.introspects,
        document.compiled,
    )


async def answer(
    request: Request, subject: Subject, gate: Gate | None = None, watch: Watch | None = None
) -> Answer:
    """The response to a request of a subject. Never raises for what the request got wrong.

    With a `gate` the subject is only presumed: raises `GateClosed`, with nothing done, unless the
    statement that reads the data finds the gate open.
    """
    request_id = subject.origin.request_id
    ready = prepared(request, request_id=request_id)
    if gate is not None:
        return await _behind(gate, ready, subject)
    if isinstance(ready, Answer):
        return ready
    if ready.operation.operation is OperationType.SUBSCRIPTION:
        return wrong([GraphQLError(NOT_STREAMED, ready.operation)], request_id)
    context = Context(subject.during(ready.name), watch=watch)
    if ready.operation.operation is OperationType.MUTATION:
        refused = await refused_root_fields(
            graphql_schema, ready.document, ready.operation, ready.variables, context
        )
        if refused:
            return Answer(_body(None, refused, request_id), executed=True, cost=ready.cost)
    return await executed(ready, context)


async def _behind(gate: Gate, ready: Prepared | Answer, subject: Subject) -> Answer:
    """The answer to a query that the engine compiles; whatever else it is needs a certain caller.

    Raises `GateClosed`.
    """
    if isinstance(ready, Answer) or ready.guarded or ready.introspects:
        raise GateClosed
    if ready.operation.operation is not OperationType.QUERY:
        raise GateClosed
    done = await _compiled(ready, Context(subject.during(ready.name)), gate)
    if isinstance(done, str):
        raise GateClosed
    by_engine.inc()
    return Answer(_done_body(done), executed=True, cost=ready.cost)


async def _compiled(ready: Prepared, context: Context, gate: Gate | None = None) -> Done | str:
    """What the engine makes of it, or why graphql-core is to execute it."""
    kept, operation, variables = ready.compiled, ready.operation, ready.variables
    try:
        if operation.operation is OperationType.MUTATION:
            return await engine.mutation(kept, operation, variables, context)
        return await engine.query(kept, operation, variables, context, gate)
    except (NotCompiled, Unusual) as reason:
        return str(reason) or "unusual"
    except (GateClosed, TooExpensive):
        raise
    except Exception:
        log.exception("request %s failed in the engine", context.subject.origin.request_id)
        return BROKEN


def _left(context: Context, reason: str) -> None:
    """Note that graphql-core executes an operation, and why."""
    by_graphql_core.inc()
    FALLBACKS.labels(reason).inc()
    if context.watch is not None:
        context.watch.left(reason)


async def executed(ready: Prepared, context: Context, *, root: Any = None) -> Answer:
    """The answer of running it; for an event of a subscription, `root` is the event."""
    request_id = context.subject.origin.request_id
    variables = ready.request.variables
    if refused := ready.refused_inputs(context.access):
        return Answer(_body(None, refused, request_id), executed=True, cost=ready.cost)
    reason = "introspection" if ready.introspects else "an event of a subscription"
    if root is None and not ready.introspects:
        try:
            done = await _compiled(ready, context)
        except TooExpensive as refusal:
            return wrong([_refused(refusal)], request_id)
        if not isinstance(done, str):
            by_engine.inc()
            return Answer(_done_body(done), executed=True, cost=ready.cost)
        reason = done
    _left(context, reason)
    node, shown = ready.document, None
    if ready.introspects:
        shown = introspection().answer(
            node, ready.operation, ready.variables, variables, context.access
        )
    if shown is not None:
        if shown.rest is None:
            data = shown.merged({})
            return Answer(_body(data, shown.errors, request_id), executed=True, cost=ready.cost)
        node = shown.rest
    result = execute(
        graphql_schema,
        node,
        root_value=root,
        context_value=context,
        variable_values=dict(variables),
        operation_name=ready.request.operation_name,
        hide_suggestions=True,
    )
    if not isinstance(result, ExecutionResult):
        result = await result
    data, errors = result.data, in_response_order(result.errors or [], result.data)
    if data is None and errors and all(e.path is None for e in errors):
        return wrong(errors, request_id)
    if shown is not None:
        data, errors = shown.merged(data), [*shown.errors, *errors]
    return Answer(_body(data, errors, request_id), executed=True, cost=ready.cost)


def is_known(request: Request) -> bool:
    """Whether the document was read before and asks for a query of which there is a plan: running
    it is then little work, which may be done for a caller who is only presumed.
    """
    document = _kept(request.query, pinned=request.trusted).kept.get(request.query)
    if document is None or document.node is None or document.guarded or document.introspects:
        return False
    operation = operation_of(document.node, request.operation_name)
    is_query = operation is not None and operation.operation is OperationType.QUERY
    return is_query and engine.has_plans(document.compiled)


def operation_type(request: Request) -> OperationType | None:
    """What kind of operation a request means; `None` when its document does not say, or is wrong.

    The document is read once: running it afterwards finds it read.
    """
    document = _document(request.query, pinned=request.trusted)
    if document.node is None or document.errors:
        return None
    operation = operation_of(document.node, request.operation_name)
    return operation.operation if operation is not None else None


def cost_of(request: Request) -> int | None:
    """What answering a request could cost; `None` when it will be refused as it is."""
    document = _document(request.query, pinned=request.trusted)
    if document.node is None or document.errors:
        return None
    operation = operation_of(document.node, request.operation_name)
    if operation is None:
        return None
    name = operation.name.value if operation.name is not None else None
    try:
        return document.prices[name].of(request.variables).requested
    except TooExpensive:
        return None


def document_errors(source: str) -> Sequence[GraphQLError]:
    """What speaks against running a document, whatever the operation and the variables."""
    return _document(source).errors


def _document(source: str, *, pinned: bool = False) -> _Document:
    """A document parsed and validated: once for each text, a long one at least in a request."""
    return _kept(source, pinned=pinned).get(source)


def _kept(source: str, *, pinned: bool) -> "_Documents":
    if pinned:
        return _pinned
    return _sent if len(source) <= LONGEST_CACHED else _long


def _validated(source: str) -> _Document:
    try:
        node = parsed(source)
        require_within_limits(node)
    except TooExpensive as refusal:
        return _Document(None, (_refused(refusal),))
    except GraphQLError as error:
        return _Document(None, (error,))
    errors = mistakes(graphql_schema, node)
    if errors:
        return _Document(None, tuple(errors))
    guarded = mentions(node, guarded_inputs.guarded_fields(graphql_schema))
    introspects = mentions(node, META_FIELDS)
    return _Document(
        node, (), prices(graphql_schema, node), guarded, introspects, Compiled.of(node)
    )


class _Documents:
    """The documents used last, as they were read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.kept: OrderedDict[str, _Document] = OrderedDict()

    def get(self, source: str) -> _Document:
        found = self.kept.get(source)
        if found is None:
            found = self.kept[source] = _validated(source)
            if len(self.kept) > self.size:
                self.kept.popitem(last=False)
        else:
            self.kept.move_to_end(source)
        return found


_sent = _Documents(CACHED_DOCUMENTS)
_long = _Documents(LONG_DOCUMENTS)
_pinned = _Documents(PINNED_DOCUMENTS)


def _refused(refusal: TooExpensive) -> GraphQLError:
    return GraphQLError(refusal.message, original_error=refusal)


def _no_operation(name: str | None) -> GraphQLError:
    if name is None:
        return GraphQLError(
            "Give `operationName`: the document does not have exactly one operation."
        )
    return GraphQLError(f"The document has no operation named {name!r}.")


def wrong(errors: list[GraphQLError], request_id: str | None) -> Answer:
    """The answer to a request that was not executed."""
    return Answer(
        {"errors": [formatted(error, request_id=request_id) for error in errors]}, executed=False
    )


def _done_body(done: Done) -> dict[str, Any]:
    return {"errors": done.errors, "data": done.data} if done.errors else {"data": done.data}


def _body(
    data: dict[str, Any] | None, errors: list[GraphQLError], request_id: str | None
) -> dict[str, Any]:
    if not errors:
        return {"data": data}
    return {
        "errors": [formatted(error, request_id=request_id) for error in errors],
        "data": data,
    }

"""Running one GraphQL request: parse, validate, check, execute."""

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

from identity.access.demanded import demanding
from identity.credentials.gate import Gate, GateClosed
from identity.permission_uses import uses
from identity.refusals import TooExpensive
from identity.subject import Subject
from schema import guarded_inputs
from schema.context import Context, Watch
from schema.cost import Cost, Price, prices
from schema.engine.builders import Unusual
from schema.engine.engine import Compiled, Done
from schema.engine.shapes import NotCompiled
from schema.errors import formatted, in_response_order
from schema.fragments import mentions
from schema.introspection import META_FIELDS, introspection
from schema.limits import MOST_TOKENS, parsed, require_small, require_within_limits
from schema.metrics import FALLBACKS, by_engine, by_graphql_core
from schema.operations import operation_of, refused_root_fields, root_fields
from schema.schema import engine, graphql_schema
from schema.validation import mistakes
from schema.variables import coerced

TOKENS_KEPT = 120_000
TOKENS_PINNED = 600_000
"""Of the documents that clients send, and of those that the operator stored: a token takes up to
1 kB with its share of the plan. As many as 300, or 1,500, documents of an ordinary page.
"""
SHOWN_ONCE = frozenset({"token"})
"""Fields that hold a secret when it is made, and never again."""
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
class Document:
    """A document that is right, as it was read. `guarded` is whether it could use a guarded input,
    `introspects` whether it asks for anything of the schema itself.
    """

    node: DocumentNode
    prices: Mapping[str | None, Price]
    guarded: bool
    introspects: bool
    compiled: Compiled


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request whose document, size and variables are right, and which says what to run."""

    request: Request
    document: Document
    operation: OperationDefinitionNode
    cost: Cost
    variables: VariableValues

    @property
    def name(self) -> str | None:
        return self.operation.name.value if self.operation.name is not None else None

    @property
    def kind(self) -> OperationType:
        return self.operation.operation

    def refused_inputs(self, context: Context) -> list[GraphQLError]:
        """An error for each input that the subject may not use."""
        if not self.document.guarded:
            return []
        with demanding() as demanded:
            refused = guarded_inputs.refused(
                graphql_schema, self.document.node, self.operation, self.variables, context.access
            )
        context.asked |= demanded.mask
        return refused

    @property
    def asks_for_secrets(self) -> bool:
        """Whether its answer may hold a secret, which is shown once."""
        return mentions(self.document.node, SHOWN_ONCE)

    def changes(self) -> frozenset[str]:
        """The response keys of the root fields of a mutation that are no dry runs."""
        node, operation = self.document.node, self.operation
        try:
            fields = list(root_fields(graphql_schema, node, operation, self.variables))
        except GraphQLError:  # an input that has no usable value: none of them runs
            return frozenset()
        return frozenset(field.key for field in fields if not field.rehearses)


def prepared(request: Request, *, request_id: str | None) -> Prepared | Answer:
    """What to run, or the answer that says why it cannot be run."""
    document = _documents(request).get(request.query)
    if not isinstance(document, Document):
        return wrong(document, request_id)
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
    return Prepared(request, document, operation, cost, variables)


def known(request: Request) -> Prepared | None:
    """What to run, if there is a plan of it: preparing and running it is then little work, which
    may be done for a caller who is only presumed.
    """
    if request.query not in _documents(request).kept:
        return None
    ready = prepared(request, request_id=None)
    if isinstance(ready, Answer):
        return None
    has_plan = engine.knows(ready.document.compiled, ready.operation, ready.variables)
    return ready if has_plan else None


async def answer(ready: Prepared, subject: Subject, watch: Watch | None = None) -> Answer:
    """The response to a request of a subject."""
    request_id = subject.origin.request_id
    if ready.kind is OperationType.SUBSCRIPTION:
        return wrong([GraphQLError(NOT_STREAMED, ready.operation)], request_id)
    context = Context(subject.during(ready.name), watch=watch)
    if ready.kind is OperationType.MUTATION:
        return await _carried_out(ready, context)
    return await executed(ready, context)


async def answer_behind(gate: Gate, ready: Prepared, subject: Subject) -> Answer:
    """The response to a request of a subject that is only presumed.

    Raises `GateClosed`, with nothing done, unless the first statement, which reads the data of a
    query or the target of a mutation, finds the gate open; and for whatever has no such statement.
    """
    document, context = ready.document, Context(subject.during(ready.name))
    if ready.kind is OperationType.MUTATION:
        return await _carried_out(ready, context, gate)
    if document.guarded or document.introspects or ready.kind is not OperationType.QUERY:
        raise GateClosed
    try:
        done = await _compiled(ready, context, gate)
    except TooExpensive as refusal:  # found before the gate was asked, or after
        raise GateClosed from refusal
    if isinstance(done, str):
        raise GateClosed
    by_engine.inc()
    return Answer(_done_body(done), executed=True, cost=ready.cost)


async def _carried_out(ready: Prepared, context: Context, gate: Gate | None = None) -> Answer:
    """The response to a mutation, of which nothing runs unless all of it is allowed."""
    refused = await refused_root_fields(
        graphql_schema, ready.document.node, ready.operation, ready.variables, context, gate
    )
    if refused:
        body = _body(None, refused, context.subject.origin.request_id)
        return Answer(body, executed=True, cost=ready.cost)
    return await executed(ready, context)


async def _compiled(ready: Prepared, context: Context, gate: Gate | None = None) -> Done | str:
    """What the engine makes of it, or why graphql-core is to execute it."""
    kept, operation, variables = ready.document.compiled, ready.operation, ready.variables
    try:
        if ready.kind is OperationType.MUTATION:
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
    if refused := ready.refused_inputs(context):
        return Answer(_body(None, refused, request_id), executed=True, cost=ready.cost)
    introspects = ready.document.introspects
    reason = "introspection" if introspects else "an event of a subscription"
    if root is None and not introspects:
        try:
            done = await _compiled(ready, context)
        except TooExpensive as refusal:
            return wrong([_refused(refusal)], request_id)
        if not isinstance(done, str):
            by_engine.inc()
            return Answer(_done_body(done), executed=True, cost=ready.cost)
        reason = done
    _left(context, reason)
    node, shown = ready.document.node, None
    if introspects:
        shown = introspection().answer(
            node, ready.operation, ready.variables, variables, context.access
        )
    if shown is not None:
        if shown.rest is None:
            data = shown.merged({})
            return Answer(_body(data, shown.errors, request_id), executed=True, cost=ready.cost)
        node = shown.rest
    with demanding() as demanded:
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
    uses.note(context.subject, context.asked | demanded.mask)
    data, errors = result.data, in_response_order(result.errors or [], result.data)
    if data is None and errors and all(e.path is None for e in errors):
        return wrong(errors, request_id)
    if shown is not None:
        data, errors = shown.merged(data), [*shown.errors, *errors]
    return Answer(_body(data, errors, request_id), executed=True, cost=ready.cost)


def document_errors(source: str) -> Sequence[GraphQLError]:
    """What speaks against running a document, whatever the operation and the variables."""
    document = _documents(Request(source, {}, None)).get(source)
    return () if isinstance(document, Document) else document


def _validated(source: str) -> Document | Sequence[GraphQLError]:
    """The document, or what is wrong with it."""
    try:
        node = parsed(source)
        require_within_limits(node)
    except TooExpensive as refusal:
        return [_refused(refusal)]
    except GraphQLError as error:
        return [error]
    errors = mistakes(graphql_schema, node)
    if errors:
        return errors
    guarded = mentions(node, guarded_inputs.guarded_fields(graphql_schema))
    introspects = mentions(node, META_FIELDS)
    return Document(node, prices(graphql_schema, node), guarded, introspects, Compiled.of(node))


class _Documents:
    """The documents used last, as they were read, with so many tokens together."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.kept: OrderedDict[str, Document | Sequence[GraphQLError]] = OrderedDict()
        self._weight = 0

    def get(self, source: str) -> Document | Sequence[GraphQLError]:
        """A document parsed and validated, or what is wrong with it."""
        found = self.kept.get(source)
        if found is not None:
            self.kept.move_to_end(source)
            return found
        found = self.kept[source] = _validated(source)
        self._weight += _most_tokens(source)
        while self._weight > self.tokens:
            oldest, _ = self.kept.popitem(last=False)
            self._weight -= _most_tokens(oldest)
        return found


def _most_tokens(source: str) -> int:
    """How many tokens a text can have: none is empty, and longer documents are refused."""
    return min(len(source), MOST_TOKENS)


_sent = _Documents(TOKENS_KEPT)
_pinned = _Documents(TOKENS_PINNED)


def _documents(request: Request) -> _Documents:
    """Where the document of a request is kept."""
    return _pinned if request.trusted else _sent


def _refused(refusal: TooExpensive) -> GraphQLError:
    return GraphQLError(refusal.message, original_error=refusal)


def _no_operation(name: str | None) -> GraphQLError:
    if name is None:
        return GraphQLError(
            "Give `operationName`: the document does not have exactly one operation."
        )
    return GraphQLError(f"The document has no operation named {name!r}.")


def wrong(errors: Sequence[GraphQLError], request_id: str | None) -> Answer:
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

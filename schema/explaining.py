"""What became of one operation: its plan as a tree, its SQL, and what decided about each field.

It holds no value of anybody's data: the SQL has placeholders where values are bound, and rows that
the subject may not see are not counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Grant
from identity.access.permissions import Permission
from identity.refusals import BadInput
from identity.subject import Subject
from models.reading import Row
from schema.cost import Cost
from schema.directives import PLACES, At
from schema.engine.guards import Checks, Guard, Outcome, outcomes
from schema.engine.levels import List
from schema.engine.plan import Nodes, OfType, Payload, Plan, Variant
from schema.engine.shapes import Selected, Shape
from schema.execution import Answer, Prepared, answer
from schema.ids import global_id

PERMISSION = Permission.ORGANIZATION_READ
"""Who may see how the organization is set up may see how it is read."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement that the engine sent, for a part of its plan."""

    level: object
    sql: str
    rows: int
    seconds: float


@dataclass(slots=True)
class Explanation:
    """Looks on while an operation of the subject runs (`schema.context.Watch`)."""

    access: Access
    began: float = field(default_factory=perf_counter)
    plan: Plan | None = None
    variant: Variant | None = None
    left_because: str | None = None
    statements: list[Statement] = field(default_factory=list)

    def planned(self, plan: Any, variant: Any) -> None:
        self.plan, self.variant = plan, variant

    def read(self, level: object, sql: str, rows: Sequence[Row], seconds: float) -> None:
        seen = len(rows)
        if isinstance(level, OfType):  # the only one whose rows are judged after they are read
            seen = sum(1 for row in rows if level.seen(self.access, row))
        self.statements.append(Statement(level, sql, seen, seconds))

    def left(self, reason: str) -> None:
        self.left_because = reason

    def described(self, cost: Cost | None) -> dict[str, Any]:
        """The explanation as JSON has it."""
        executor = "engine" if self.plan is not None else None
        reused = None
        if self.variant is not None:
            reused = self.variant.made_at < self.began
        if self.left_because is not None:
            executor = "graphql-core"
        return {
            "executedBy": executor,
            "reason": self.left_because,
            "planReused": reused,
            "milliseconds": _milliseconds(perf_counter() - self.began),
            "cost": None if cost is None else {"requested": cost.requested, "limit": cost.limit},
            "statements": [
                {
                    "number": number,
                    "sql": each.sql,
                    "rows": each.rows,
                    "milliseconds": _milliseconds(each.seconds),
                }
                for number, each in enumerate(self.statements, 1)
            ],
            "fields": [] if self.plan is None else list(_Tree(self, self.plan).fields()),
        }


async def explained(ready: Prepared, subject: Subject) -> Answer:
    """The answer of `answer`, with the explanation in its extensions.

    Raises `Forbidden` for a subject without `PERMISSION` at the organization, with nothing done.
    """
    subject.access.require(PERMISSION, ORGANIZATION)
    explanation = Explanation(subject.access)
    done = await answer(ready, subject, explanation)
    if not done.executed:
        return done
    extensions = {**done.body.get("extensions", {}), "explain": explanation.described(done.cost)}
    return replace(done, body={**done.body, "extensions": extensions})


async def described(ready: Prepared | Answer, subject: Subject) -> dict[str, Any]:
    """The explanation alone, for the operator, who needs no permission.

    Raises `BadInput` with what is wrong with a request that cannot be run.
    """
    explanation = Explanation(subject.access)
    done = ready if isinstance(ready, Answer) else await answer(ready, subject, explanation)
    if not done.executed:
        raise BadInput(done.body["errors"][0]["message"], field="document")
    return explanation.described(done.cost)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


class _Tree:
    """The fields of a plan that read something, need something, or hold such fields."""

    def __init__(self, explanation: Explanation, plan: Plan) -> None:
        self._plan = plan
        self._access = explanation.access
        self._outcomes = outcomes(plan.guards, explanation.access)
        self._read: dict[int, list[int]] = {}
        """The numbers of the statements, by the `id` of the selection or shape they are for."""
        for number, statement in enumerate(explanation.statements, 1):
            for part in self._parts(statement.level, explanation.variant):
                self._read.setdefault(id(part), []).append(number)

    def fields(self) -> Iterator[dict[str, Any]]:
        for selected in self._plan.shape.fields:
            yield self._field(self._plan.shape, selected)

    def _parts(self, level: object, variant: Variant | None) -> Iterator[Selected | Shape]:
        """What of the operation a part of the plan reads for."""
        match level:
            case Variant():
                yield from (single.selected for single in level.singles)
                if level.along is not None:
                    yield level.along[1].child.selected
            case List():
                yield level.child.selected
            case Payload():
                yield level.selected
            case OfType() if variant is not None:
                roots = [root for _, root in variant.fields if isinstance(root, Nodes)]
                for root in roots:
                    for name, of_type in root.made.items():
                        if of_type is level:
                            yield root.selected.each[name]

    def _field(self, parent: Shape, selected: Selected) -> dict[str, Any]:
        name = "__typename" if selected.field is None else selected.field.name
        below = list(self._below(selected.inner)) if selected.inner is not None else []
        for type_name, shape in selected.each.items():
            reads, inner = self._read.get(id(shape), []), list(self._below(shape))
            if reads or inner:
                below.append({"on": type_name, "statements": reads, "fields": inner})
        guard = selected.guard
        return {
            "key": selected.key,
            "field": f"{parent.type.name}.{name}",
            "statements": self._read.get(id(selected), []),
            "permission": None if guard is None else self._permission(guard),
            "fields": below,
        }

    def _below(self, shape: Shape) -> Iterator[dict[str, Any]]:
        for selected in shape.fields:
            found = self._field(shape, selected)
            if found["statements"] or found["permission"] or found["fields"]:
                yield found

    def _permission(self, guard: Guard) -> dict[str, Any]:
        outcome, reason, grants = self._decided(guard)
        return {
            "anyOf": [permission.name for permission in guard.requires],
            "at": guard.at,
            "outcome": outcome.name,
            "reason": reason,
            "assignments": [global_id("Assignment", each.assignment_id) for each in grants],
        }

    def _decided(self, guard: Guard) -> tuple[Outcome, str, Sequence[Grant]]:
        """What the guard says of the whole operation, why, and the assignments behind it."""
        mask = guard.mask & ~self._access.plan_cut
        holding = [grant for grant in self._access.grants if grant.mask & mask]
        outcome = self._outcomes[guard.index]
        if guard.at in (At.EACH, At.VALUE) or guard.at not in PLACES:
            outcome = Outcome.BY_ROW
        if outcome is Outcome.BY_ROW:
            named = (
                ", ".join(each.said() for each in holding) or "nothing: no role of yours holds it"
            )
            return outcome, f"Decided for each object, by {named}.", holding
        if outcome is Outcome.DENIED:
            refused = Checks(self._access, self._plan.guards).denied(guard.index)
            return outcome, refused.message, ()
        for permission in guard.requires:
            decision = self._access.check(permission, ORGANIZATION)
            if decision.allowed:
                return outcome, decision.reason, decision.grants
        return outcome, f"Allowed by {_named(holding)}.", holding


def _named(grants: Sequence[Grant]) -> str:
    return ", ".join(grant.said() for grant in grants)

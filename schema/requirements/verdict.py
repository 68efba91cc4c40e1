"""What somebody who holds certain permissions gets of an operation.

It is about permissions alone: a coordinate that is open can still be null because there is nothing,
and a mutation that may begin can still be refused by a rule about its values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from graphql import OperationType

from identity.access.compiled import narrowed
from identity.access.kinds import KINDS
from identity.access.permissions import Permission
from models.assignment import ScopeType
from schema.directives import At
from schema.requirements.guards import Guard, Level
from schema.requirements.tree import (
    Conditions,
    Requirement,
    Requirements,
    Selected,
    Selection,
    Spread,
    both,
    joined,
    within,
)


class Verdict(StrEnum):
    """How much of an operation works."""

    FULL = "full"
    PARTLY = "partly"
    NONE = "none"


class Effect(StrEnum):
    """What happens to a coordinate that is not open."""

    NULL = "null"
    LEFT_OUT = "left out"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Holding:
    """What a role holds that is given at a scope of this type: `mask` after implication, cut of the
    plan and narrowing. The screen is taken to be about just that organization, workspace or object.
    """

    mask: int
    scope: ScopeType

    def at(self, level: Level) -> int:
        """The permissions held at a level of what the screen is about."""
        reaches = level is None or self.scope in (ScopeType.ORGANIZATION, level)
        reaches = reaches or (self.scope is ScopeType.WORKSPACE and level in KINDS)
        return self.mask if reaches else 0

    def opens(self, guard: Guard) -> bool:
        if guard.sees_scope and self.scope in KINDS and not self.mask & KINDS[self.scope].seen_mask:
            return False
        return bool(self.at(guard.level) & guard.mask)


def holding(mask: int, scope: ScopeType, *, plan_cut: int = 0) -> Holding:
    """What the mask of a role comes to, given at a scope of this type."""
    return Holding(narrowed(mask, scope) & ~plan_cut, scope)


@dataclass(frozen=True, slots=True)
class Loss:
    """A coordinate that is not open: what happens to it, and which permissions would open it.

    What lies inside is not named again. `missing` is empty where no permission is asked for by
    name; `reason` says in a sentence what is needed.
    """

    path: str
    coordinate: str
    missing: tuple[Permission, ...]
    reason: str
    effect: Effect
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Judgement:
    """How much of an operation works, and what does not."""

    verdict: Verdict
    lost: tuple[Loss, ...]


@dataclass(frozen=True, slots=True)
class _Tally:
    """Of a selection: whether anything is lost, any leaf is open, any guarded leaf is open."""

    lost: bool = False
    open: bool = False
    guarded_open: bool = False

    def __or__(self, other: "_Tally") -> "_Tally":
        return _Tally(
            self.lost or other.lost,
            self.open or other.open,
            self.guarded_open or other.guarded_open,
        )


_LOST = _Tally(lost=True)


def judge(requirements: Requirements, held: Holding) -> Judgement:
    """How much of an operation works.

    FULL: nothing that it may select is closed. NONE: nothing of what it needs permissions for is
    there; an operation is refused as a whole for what it may not give, a mutation also when one of
    its root fields is. Else PARTLY. An operation that needs no permission works fully for everybody
    who finds its objects.
    """
    judging = _Judging(held, is_mutation=requirements.kind is OperationType.MUTATION)
    root = requirements.root
    refused = tuple(judging.refused_inputs(requirements.given))
    never_runs = any(not loss.conditions for loss in refused)
    if never_runs or (judging.is_mutation and _refused(judging.roots(root, ()))):
        roots = judging.losses(root, roots_only=True) if judging.is_mutation else []
        return Judgement(Verdict.NONE, (*roots, *refused))
    tally = judging.selection(root, behind=False)
    if not tally.lost:
        return Judgement(Verdict.PARTLY if refused else Verdict.FULL, refused)
    works = tally.guarded_open if root.guarded else tally.open
    verdict = Verdict.PARTLY if works or judging.is_mutation else Verdict.NONE
    return Judgement(verdict, (*refused, *judging.losses(root)))


def _refused(roots: set[tuple[bool, Conditions]]) -> bool:
    """Whether a mutation never runs, by its root fields: closed or not, and when selected."""
    never = any(closed and not conditions for closed, conditions in roots)
    return never or all(closed for closed, _ in roots)


@dataclass(slots=True)
class _Judging:
    """One judgement under way, with each selection judged once."""

    held: Holding
    is_mutation: bool
    judged: dict[tuple[int, bool], _Tally] = field(default_factory=dict)

    def closed(self, selected: Selected) -> Guard | None:
        """The first guard of a field that is not open, also of what it is given that is guarded on
        the object that the field is on.
        """
        at_self = (each for each in selected.given if each.guard.at == At.SELF)
        given = (each.guard for each in at_self if each.condition is None)
        guards = (*selected.guards, *given)
        return next((guard for guard in guards if not self.held.opens(guard)), None)

    def refused_inputs(self, given: Sequence[Requirement]) -> Iterator[Loss]:
        """What may not be given, so that nothing runs. What is guarded on its object is refused
        then only if it is held nowhere; the field is null otherwise.
        """
        for each in given:
            guard = each.guard
            anywhere = guard.at == At.SELF and self.held.mask & guard.mask
            if not anywhere and not self.held.opens(guard):
                yield Loss(
                    each.path,
                    guard.coordinate,
                    guard.requires,
                    guard.sentence,
                    Effect.REFUSED,
                    each.conditions,
                )

    def selection(self, selection: Selection, *, behind: bool) -> _Tally:
        """The tally of a selection, which may lie behind a guard that is open."""
        key = (id(selection), behind)
        if key not in self.judged:
            tally = _Tally()
            for part in selection.parts:
                if isinstance(part, Spread):
                    tally |= self.selection(part.selection, behind=behind)
                else:
                    tally |= self._field(part, behind=behind)
            self.judged[key] = tally
        return self.judged[key]

    def _field(self, selected: Selected, *, behind: bool) -> _Tally:
        if self.closed(selected) is not None:
            return _LOST
        behind = behind or bool(selected.guards)
        if not selected.inside:
            return _Tally(open=True, guarded_open=behind)
        tally = _Tally()
        for inside in selected.inside:
            if inside.exists is not None and not self.held.opens(inside.exists):
                tally |= _LOST
                continue
            inner = self.selection(inside.selection, behind=behind)
            tally |= inner if inside.asked_for else _Tally(lost=inner.lost)
        return tally

    def roots(self, root: Selection, conditions: Conditions) -> set[tuple[bool, Conditions]]:
        """Of the root fields: whether it is closed, and when it is selected."""
        found: set[tuple[bool, Conditions]] = set()
        for part in root.parts:
            when = both(conditions, part.conditions)
            if isinstance(part, Spread):
                found |= self.roots(part.selection, when)
            else:
                found.add((self.closed(part) is not None, when))
        return found

    def losses(self, root: Selection, *, roots_only: bool = False) -> list[Loss]:
        """What is not open, each path and coordinate once, in the order of the document."""
        found: dict[tuple[str, str, str], Loss] = {}
        seen: set[tuple[str, int, Conditions]] = set()

        def add(path: str, guard: Guard, effect: Effect, conditions: Conditions) -> None:
            key = (path, guard.coordinate, guard.sentence)
            if key not in found or (found[key].conditions and not conditions):
                found[key] = Loss(
                    path, guard.coordinate, guard.requires, guard.sentence, effect, conditions
                )

        def walk(selection: Selection, path: str, conditions: Conditions) -> None:
            if (path, id(selection), conditions) in seen:
                return
            seen.add((path, id(selection), conditions))
            for part in selection.parts:
                when = both(conditions, part.conditions)
                if isinstance(part, Spread):
                    walk(part.selection, path, when)
                    continue
                here = joined(path, part)
                guard = self.closed(part)
                if guard is not None:
                    add(here, guard, self._effect(guard, is_root=not path), when)
                    continue
                for inside in () if roots_only else part.inside:
                    if inside.exists is not None and not self.held.opens(inside.exists):
                        effect = Effect.LEFT_OUT if part.is_list else Effect.NULL
                        add(here, inside.exists, effect, when)
                    elif self.selection(inside.selection, behind=True).lost:
                        walk(inside.selection, within(here, part), when)

        walk(root, "", ())
        return list(found.values())

    def _effect(self, guard: Guard, *, is_root: bool) -> Effect:
        if is_root and self.is_mutation:
            return Effect.REFUSED
        return Effect.LEFT_OUT if guard.at == At.EACH else Effect.NULL

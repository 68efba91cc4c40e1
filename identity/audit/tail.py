"""The audit log as it grows: every event once, in the order in which they become visible.

Ids are made by the clock of whoever writes, and a transaction that began earlier may commit later:
an id can appear below others that were delivered already. So a tail reads what lies above the last
event, and of what lies below it exactly those events that it hears of and has not delivered.
"""

from collections.abc import AsyncGenerator, Iterable
from datetime import timedelta
from uuid import UUID

from tortoise.queryset import QuerySet

from identity.audit.filters import EVERYTHING, EventFilter
from identity.facts import Fact, Heard, Kind, board
from models.audit_event import AuditEvent
from models.clock import now
from models.ids import lowest_id

PAGE = 100
GRACE = timedelta(minutes=2)
"""Longer than a transaction lives, clocks of other machines included. What may have been missed is
looked for this far back."""
MOST_REMEMBERED = 2_000
LOOK_SECONDS = 60.0
"""A mention is lost if its process dies after the commit: what it was about is found then."""


class _Position:
    """How far a tail has come: the highest id it delivered, and those it need not deliver again."""

    def __init__(self, last: UUID) -> None:
        self.last = last
        self._remembered: dict[UUID, None] = {}

    def pass_over(self, ids: Iterable[UUID]) -> None:
        for id_ in ids:
            self._remembered[id_] = None
            self.last = max(self.last, id_)
        oldest = _lowest_id()
        while self._remembered:
            first = next(iter(self._remembered))
            if len(self._remembered) <= MOST_REMEMBERED and first > oldest:
                break
            del self._remembered[first]

    def below(self, ids: Iterable[UUID]) -> list[UUID]:
        """Those at or below the last one that were not delivered."""
        return [each for each in ids if each <= self.last and each not in self._remembered]

    def floor(self) -> UUID:
        """The lowest id from which on it is known what was delivered."""
        floor = _lowest_id()
        if len(self._remembered) == MOST_REMEMBERED:
            floor = max(floor, min(self._remembered))
        return floor


async def tail(
    organization_id: UUID,
    *,
    workspace_id: UUID | None,
    after: UUID | None,
    asked: EventFilter = EVERYTHING,
) -> AsyncGenerator[AuditEvent, None]:
    """The events after the event `after`, or from now on, that a filter asks for; of one workspace
    or of all. Never ends.

    Whether the caller may see them is decided for each, by whoever passes it on.
    """
    events = AuditEvent.filter(organization_id=organization_id)
    wanted = events if workspace_id is None else events.filter(workspace_id=workspace_id)

    def wants(fact: Fact) -> bool:
        return fact.kind is Kind.AUDIT

    with board.watching(organization_id, wants) as watch:
        position = await _start(events, after)
        heard = Heard(frozenset(), missed=False)
        while True:
            late = position.below(fact.id for fact in heard.facts)
            if heard.missed:
                late += position.below(await _ids_from(events, position.floor()))
            position.pass_over(late)
            for row in await wanted.filter(id__in=late).order_by("id") if late else []:
                if asked.matches(row):
                    yield row
            while page := await wanted.filter(id__gt=position.last).order_by("id").limit(PAGE):
                for row in page:
                    position.pass_over([row.id])
                    if asked.matches(row):
                        yield row
            position.pass_over(fact.id for fact in heard.facts)  # those of other workspaces
            heard = await watch.heard(within=LOOK_SECONDS)
            if not heard.facts:
                heard = Heard(frozenset(), missed=True)


async def _start(events: QuerySet[AuditEvent], after: UUID | None) -> _Position:
    """What is there already counts as delivered: all of it, or what is not above `after`."""
    floor = _lowest_id()
    position = _Position(floor if after is None else after)
    there = await _ids_from(events, floor)
    position.pass_over(id_ for id_ in there if after is None or id_ <= after)
    return position


async def _ids_from(events: QuerySet[AuditEvent], floor: UUID) -> list[UUID]:
    """The newest ids above it, oldest first."""
    newest = events.filter(id__gt=floor).order_by("-id").limit(MOST_REMEMBERED)
    ids: list[UUID] = await newest.values_list("id", flat=True)  # type: ignore[assignment]
    return ids[::-1]


def _lowest_id() -> UUID:
    """Below every id that was made within the grace."""
    return lowest_id(now() - GRACE)

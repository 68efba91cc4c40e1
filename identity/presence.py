"""A caller who stays: what they may do now, for as long as their session lasts.

A request is decided once; a stream goes on, and has to hear when what it rests on ends. A presence
reads the session and its access again when the organization's access changes, when the session
ends, when the time of either is up, and at the latest after a minute.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, Protocol

from identity.facts import Fact, Kind, Watch, board
from identity.refusals import Unauthenticated
from identity.subject import Subject
from models.clock import now

LONGEST_WAIT_SECONDS = 60.0
BETWEEN_SECONDS = 0.1
"""Changes that follow each other faster than this are read together."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The subject as it is, and until when that holds if nothing is changed."""

    subject: Subject
    until: datetime


class Renew(Protocol):
    """Reads the standing of the subject. Raises `Unauthenticated` when it is over."""

    async def __call__(self, subject: Subject, *, used: bool) -> Standing: ...


class Presence:
    """One caller."""

    def __init__(self, standing: Standing, renew: Renew) -> None:
        self._standing = standing
        self._renew = renew
        self._reading = asyncio.Lock()
        self._changed = asyncio.Event()
        self._watch: Watch | None = None

    @property
    def subject(self) -> Subject:
        """As of the last look; use it for what was decided with that look."""
        return self._standing.subject

    async def present(self, *, used: bool = False) -> Subject:
        """The subject as it is now; `used` when they ask for something, and do not only listen.

        Raises `Unauthenticated` when it is over.
        """
        async with self._reading:
            before = self.subject
            try:
                self._standing = await self._renew(before, used=used)
            except Unauthenticated:
                if self._watch is not None:
                    self._watch.miss()  # so that `stay` finds it, too
                raise
        if _differs(before, self.subject):
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()
        return self.subject

    async def changed_from(self, known: Subject) -> Subject:
        """Wait until the subject is no longer the `known` one, and return what it is."""
        while not _differs(known, self.subject):
            await self._changed.wait()
        return self.subject

    async def stay(self) -> NoReturn:
        """Keep the subject true, until it is over: raises `Unauthenticated` then."""
        with board.watching(self.subject.organization_id, self._concerns) as watch:
            self._watch = watch
            while True:
                await self.present()
                await asyncio.sleep(BETWEEN_SECONDS)
                left = (self._standing.until - now()).total_seconds()
                await watch.heard(within=min(max(left, 0), LONGEST_WAIT_SECONDS))

    def _concerns(self, fact: Fact) -> bool:
        if fact.kind is Kind.SESSION:
            return fact.id in (self.subject.via_id, self.subject.actor_id)
        return fact.kind is Kind.ACCESS


def _differs(one: Subject, other: Subject) -> bool:
    return (one.revision, one.plan, one.access) != (other.revision, other.plan, other.access)

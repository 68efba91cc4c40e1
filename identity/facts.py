"""What the processes tell each other when something is committed, and who waits to hear of it.

A fact is where to look, never what is there: an organization, a kind, an id. Whoever hears it reads
the database with the access it has then. A fact that was missed therefore costs time and nothing
else, and a process that may have missed some (it had lost its connection, or it does not know the
kind that a newer version tells of) has everybody look.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from models import announcing

MOST_HEARD = 1_000
"""Facts that a watch keeps until somebody looks; beyond these it knows that it missed some."""

log = logging.getLogger("gatepost.facts")


class Kind(StrEnum):
    ACCESS = "access"
    """Somebody's access changed in the organization, whose id it is."""
    SESSION = "session"
    """A session ended; or, by the id of a member, all of theirs."""
    AUDIT = "audit"
    """An audit event was added, whose id it is."""
    JOB = "job"
    """A job has gone on, whose id it is."""


@dataclass(frozen=True, slots=True)
class Fact:
    kind: Kind
    organization_id: UUID
    id: UUID

    def __str__(self) -> str:
        return f"{self.kind.value} {self.organization_id.hex} {self.id.hex}"

    @classmethod
    def parse(cls, text: str) -> "Fact":
        """The inverse of `str`. Raises `ValueError`."""
        kind, organization_id, id_ = text.split(" ")
        return cls(Kind(kind), UUID(hex=organization_id), UUID(hex=id_))


async def announce(fact: Fact) -> None:
    """Tell it exactly when the caller's transaction commits: for what takes something away."""
    await announcing.announce(str(fact))


def mention(fact: Fact) -> None:
    """Tell it soon after the caller's transaction has committed."""
    announcing.mention(str(fact))


@dataclass(frozen=True, slots=True)
class Heard:
    """The facts since the last look; `missed` when there may be others."""

    facts: frozenset[Fact]
    missed: bool


class Watch:
    """What one waiting caller has heard and not looked at yet. Bounded, whatever happens."""

    def __init__(self, wants: Callable[[Fact], bool]) -> None:
        self._wants = wants
        self._facts: set[Fact] = set()
        self._missed = False
        self._something = asyncio.Event()

    def tell(self, fact: Fact) -> None:
        if self._wants(fact):
            if len(self._facts) < MOST_HEARD:
                self._facts.add(fact)
            else:
                self._missed = True
            self._something.set()

    def miss(self) -> None:
        self._missed = True
        self._something.set()

    async def heard(self, *, within: float | None = None) -> Heard:
        """Wait until there is something, no longer than `within` seconds; then nothing is heard."""
        try:
            async with asyncio.timeout(within):
                await self._something.wait()
        except TimeoutError:
            return Heard(frozenset(), missed=False)
        heard = Heard(frozenset(self._facts), self._missed)
        self._facts.clear()
        self._missed = False
        self._something.clear()
        return heard


class Board:
    """Who waits in this process, by organization: no fact reaches a watch of another one."""

    def __init__(self) -> None:
        self._watches: dict[UUID, set[Watch]] = {}

    @contextmanager
    def watching(self, organization_id: UUID, wants: Callable[[Fact], bool]) -> Iterator[Watch]:
        """A watch on the facts of the organization that it wants, while the block runs."""
        watch = Watch(wants)
        self._watches.setdefault(organization_id, set()).add(watch)
        try:
            yield watch
        finally:
            watches = self._watches[organization_id]
            watches.remove(watch)
            if not watches:
                del self._watches[organization_id]

    def hear(self, text: str) -> None:
        try:
            fact = Fact.parse(text)
        except ValueError:
            log.warning("not a fact that this version knows: %.100r", text)
            self.miss()
            return
        for watch in self._watches.get(fact.organization_id, ()):
            watch.tell(fact)

    def miss(self) -> None:
        for watches in self._watches.values():
            for watch in watches:
                watch.miss()


board = Board()


@asynccontextmanager
async def hearing() -> AsyncIterator[None]:
    """While the block runs, the watches of this process hear what any process commits."""
    async with announcing.listening(board.hear, board.miss):
        yield

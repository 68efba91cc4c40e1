"""What a piece of work demands of its caller's access, gathered while it is decided.

    with demanding() as demanded:
        await roles.update(subject, ...)
    uses.note(subject, demanded.mask)

Where access is required (`Access.require`, `Lookup.find`, the guards of fields), it is said to
whichever block is open in the current task. What is only looked at, such as `viewerCan`, is not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Demanded:
    """The permissions on which the work rested so far, as a mask."""

    mask: int = 0


@contextmanager
def demanding() -> Iterator[Demanded]:
    """Gather what the block demands. A block within it keeps its own to itself, so that what is
    refused in the end demands nothing of what is around it.
    """
    demanded = Demanded()
    token = _open.set(demanded)
    try:
        yield demanded
    finally:
        _open.reset(token)


def demand(mask: int) -> None:
    """Say that what goes on rests on these permissions, which were found to be held. Of several of
    which one is enough, all that may be held can be named.
    """
    demanded = _open.get()
    if demanded is not None:
        demanded.mask |= mask


_open: ContextVar[Demanded | None] = ContextVar("demanded", default=None)

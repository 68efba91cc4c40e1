"""What every rehearsal has in common: nothing is left of it, not even a denial."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from models import AuditEvent, announcing
from tests.identity.refusing import everything


@contextmanager
def heard() -> Iterator[list[str]]:
    """What is announced or mentioned on SQLite; on PostgreSQL that of this process."""
    texts: list[str] = []
    listener = (texts.append, lambda: None)
    announcing._hearing.append(listener)
    try:
        yield texts
    finally:
        announcing._hearing.remove(listener)


@asynccontextmanager
async def leaving_nothing() -> AsyncIterator[None]:
    """The block leaves every table, the audit log included, as it was, and tells nobody."""
    before, log = await everything(), await AuditEvent.all().order_by("id").values()
    with heard() as texts:
        yield
    assert await everything() == before
    assert await AuditEvent.all().order_by("id").values() == log
    assert texts == []
    assert announcing._mentions._texts == {}

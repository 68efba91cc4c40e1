"""How many events an export will have: counted while that is quick, and guessed beyond."""

import json
from dataclasses import dataclass

from identity.audit.filters import Events
from models.listing import Values
from models.reading import fetch
from models.sql import is_postgres
from models.window import Window

COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number of events; one that is not exact is for showing progress, and for nothing else."""

    events: int
    exact: bool


async def estimated(events: Events) -> Estimate:
    """The size of a list: exact up to `COUNTED`, and on SQLite always. Beyond, PostgreSQL says what
    it expects, which costs as much for ten million events as for ten thousand.
    """
    values = Values()
    text = events.rows(values, Window(limit=COUNTED))
    ((counted,),) = await fetch(f"SELECT count(*) FROM ({text}) t", values.given)  # noqa: S608
    if counted < COUNTED:
        return Estimate(counted, exact=True)
    values = Values()
    condition = " AND ".join(events.conditions(values))
    if not is_postgres():
        text = f"SELECT count(*) FROM audit_events t WHERE {condition}"  # noqa: S608
        ((counted,),) = await fetch(text, values.given)
        return Estimate(counted, exact=True)
    text = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM audit_events t WHERE {condition}"  # noqa: S608
    ((plan,),) = await fetch(text, values.given)
    found = plan if isinstance(plan, list) else json.loads(plan)
    return Estimate(max(COUNTED, int(found[0]["Plan"]["Plan Rows"])), exact=False)

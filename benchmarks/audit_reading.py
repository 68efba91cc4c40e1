"""Reading the audit log on PostgreSQL: the first page of each filter, and exports.

    python -m benchmarks.audit_reading --url postgres://postgres@127.0.0.1:5432/bench [--events N]
    python -m benchmarks.audit_reading --url … --full        1M events exported, 10M to be searched

The database of the URL must be empty or one that this made before with as many events. Most events
are of one organization with few busy members, as logs are: 30 actions, 200 members of which the
first acts most, 5,000 targets, 1 in 50 refused, 1 in 1,000 from the command line.
"""

import asyncio
import json
import resource
import statistics
import time
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from cryptography.fernet import Fernet

from identity import organizations
from identity.audit.actions import Action
from identity.audit.filters import EVERYTHING, EventFilter, Events, actions_like
from identity.audit_export import Format, begin
from identity.subject import Subject
from models.audit_event import Outcome, ViaType
from models.database import opened
from models.listing import Values
from models.migrating import upgrade
from models.organization import Organization, Plan
from models.reading import fetch
from models.sql import Statement, connection
from models.window import Window

PAGE = 26
ROUNDS = 60
BEGAN_MS = 1_700_000_000_000
STEP_MS = 3_000
"""Between events: ten million last a year."""
AT_ONCE = 100_000

SEED = """
INSERT INTO audit_events (id, created_at, organization_id, workspace_id, actor_type, actor_id,
    actor_name, via, via_id, action, target_type, target_id, target_name, outcome, reason, diff,
    request_id, operation, ip, user_agent, words)
SELECT
    (lpad(to_hex($2::bigint + n * $3::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
        || substr(md5(n::text), 5, 15))::uuid,
    to_timestamp(($2::bigint + n * $3::bigint) / 1000.0), $1,
    ('40000000-0000-7000-8000-' || lpad((n % 12)::text, 12, '0'))::uuid, 'member',
    ('20000000-0000-7000-8000-' || lpad(m::text, 12, '0'))::uuid, 'Member' || m || ' Person' || m,
    CASE WHEN n % 1000 = 7 THEN 'cli' WHEN n % 5 = 0 THEN 'scim_token' ELSE 'session' END,
    ('50000000-0000-7000-8000-' || lpad((n % 977)::text, 12, '0'))::uuid, action, 'campaign',
    ('30000000-0000-7000-8000-' || lpad((n % 5000)::text, 12, '0'))::uuid, 'Spring ' || n % 5000,
    CASE WHEN n % 50 = 3 THEN 'denied' ELSE 'success' END,
    CASE WHEN n % 100003 = 5 THEN 'needle' END,
    jsonb_build_array(jsonb_build_object('path', 'name', 'before', md5(n::text), 'after', 'x')),
    md5(n::text), 'Change', '192.0.' || n % 200 || '.' || n % 250, 'Mozilla/5.0 (X11; Linux)',
    ' ' || replace(replace(action, '.', ' '), '_', ' ') || ' member' || m || ' person' || m
        || ' spring ' || n % 5000 || CASE WHEN n % 100003 = 5 THEN ' needle' ELSE '' END
FROM (
    SELECT n, floor(200 * power(((n * 7919) % 10007) / 10007.0, 3))::int AS m,
        ($6::text[])[1 + floor(30 * power(((n * 104729) % 10009) / 10009.0, 2))::int] AS action
    FROM generate_series($4::bigint, $5::bigint) n
) made
"""


def numbered(kind: int, number: int) -> UUID:
    return UUID(f"{kind}0000000-0000-7000-8000-{number:012d}")


def filters(events: int) -> dict[str, EventFilter]:
    """One of each, common and rare."""
    late = datetime.fromtimestamp((BEGAN_MS + events * STEP_MS * 0.5) / 1000, UTC)
    early = datetime.fromtimestamp((BEGAN_MS + events * STEP_MS * 0.1) / 1000, UTC)
    names = [action.value for action in list(Action)[:30]]
    return {
        "everything": EVERYTHING,
        "actor, busy": EventFilter(actor_id=numbered(2, 0)),
        "actor, quiet": EventFilter(actor_id=numbered(2, 199)),
        "actor, unknown": EventFilter(actor_id=numbered(2, 999)),
        "action, common": EventFilter(actions=frozenset({names[0]})),
        "action, never": EventFilter(actions=frozenset({"owner.recover", "scim_token.revoke"})),
        "action role.*": EventFilter(actions=actions_like(["role.*"], field="action")),
        "action *.delete": EventFilter(actions=actions_like(["*.delete"], field="action")),
        "target": EventFilter(target_id=numbered(3, 77)),
        "workspace": EventFilter(workspace_id=numbered(4, 3)),
        "ip": EventFilter(ip="192.0.7.7"),
        "ip, unknown": EventFilter(ip="198.51.100.1"),
        "via session": EventFilter(via=frozenset({ViaType.SESSION})),
        "via cli": EventFilter(via=frozenset({ViaType.CLI})),
        "via job, never": EventFilter(via=frozenset({ViaType.JOB})),
        "outcome success": EventFilter(outcomes=frozenset({Outcome.SUCCESS})),
        "outcome denied or error": EventFilter(outcomes=frozenset({Outcome.DENIED, Outcome.ERROR})),
        "outcome error, never": EventFilter(outcomes=frozenset({Outcome.ERROR})),
        "half a year ago": EventFilter(before_at=late),
        "a day long ago": EventFilter(from_at=early, before_at=early.replace(hour=23, minute=59)),
        "text, common": EventFilter(text="spring"),
        "text, a person": EventFilter(text="person150"),
        "text, two words": EventFilter(text="member150 campaign"),
        "text, rare": EventFilter(text="needle"),
        "text, never": EventFilter(text="haystack"),
        "actor and action": EventFilter(
            actor_id=numbered(2, 3), actions=actions_like(["role.*"], field="action")
        ),
        "workspace, action, denied": EventFilter(
            workspace_id=numbered(4, 3),
            actions=actions_like(["role.*"], field="action"),
            outcomes=frozenset({Outcome.DENIED}),
        ),
    }


async def seeded(events: int) -> Organization:
    """The organization with so many events; made now, unless they are there."""
    await upgrade()
    organization = await Organization.get_or_none(slug="bench")
    if organization is None:
        made = await organizations.create(
            slug="bench", name="Bench", plan=Plan.ENTERPRISE, owner_email="o@bench.example"
        )
        organization = made.organization
        names = [action.value for action in list(Action)[:30]]
        began = time.perf_counter()
        await Statement("SET statement_timeout = 0").execute()
        for first in range(0, events, AT_ONCE):
            last = min(first + AT_ONCE, events) - 1
            values = (organization.id, BEGAN_MS, STEP_MS, first, last, names)
            await Statement(SEED).execute(*values)
        print(f"{events:,} events made in {time.perf_counter() - began:.0f} s")
        for text in ("VACUUM ANALYZE audit_events", "CHECKPOINT"):
            await connection().execute_script(text)
    return organization


async def first_pages(organization: Organization, events: int) -> None:
    print(f"\nThe first page of {events:,} events, ms: median, p95; what is scanned")
    for name, asked in filters(events).items():
        listing = Events(organization.id, asked)
        took: list[float] = []
        found: Sequence[Any] = ()
        for _ in range(ROUNDS):
            values = Values()
            began = time.perf_counter()
            text = listing.rows(values, Window(limit=PAGE))
            assert text is not None
            found = await fetch(text, values.given)
            took.append((time.perf_counter() - began) * 1000)
        p95 = statistics.quantiles(took, n=20)[-1]
        scans = await scanned(listing)
        line = f"{statistics.median(took):7.2f} {p95:7.2f}  {len(found):3} rows  {scans}"
        print(f"{name:<28}{line}")


async def scanned(listing: Events) -> str:
    """The indexes that PostgreSQL reads, and how many rows it takes from the table."""
    values = Values()
    text = f"EXPLAIN (ANALYZE, FORMAT JSON) {listing.rows(values, Window(limit=PAGE))}"
    ((plan,),) = await fetch(text, values.given)
    nodes = list(_nodes((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]))
    names = {
        node.get("Index Name", node["Node Type"])
        for node in nodes
        if "Scan" in node["Node Type"]
        and node.get("Relation Name", "") in ("", "audit_events")
        and node["Node Type"] != "CTE Scan"
        and node["Node Type"] != "Subquery Scan"
        and node["Actual Loops"]
    }
    read = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes
        if node.get("Relation Name") == "audit_events"
    )
    return f"{int(read):6} rows read by {', '.join(sorted(names))}"


def _nodes(plan: Any) -> Sequence[Any]:
    return [plan, *(node for inner in plan.get("Plans", ()) for node in _nodes(inner))]


async def exports(subject: Subject, most: int) -> None:
    print("\nAn export: events, MB, MB/s, events/s, and how far the process grew")
    for format_ in Format:
        size, grown, began = 0, [], time.perf_counter()
        begun = await begin(subject, format_=format_, workspace_id=None, asked=EVERYTHING)

        async def present() -> Subject:
            return subject

        async with aclosing(begun.parts(present)) as parts:
            async for part in parts:
                size += len(part)
                grown.append(resident())
                if begun.done >= most:
                    break
        seconds, half = time.perf_counter() - began, len(grown) // 2
        print(
            f"{format_:<7}{begun.done:>10,} {size / 1e6:8.1f} MB {size / 1e6 / seconds:6.1f} MB/s"
            f" {begun.done / seconds:9,.0f}/s   at most {max(grown[: half or 1]):.1f} MB in the"
            f" first half, {max(grown[half:]):.1f} MB in the second"
        )


def resident() -> float:
    """The memory that the process holds, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


@click.command()
@click.option("--url", required=True, help="An empty PostgreSQL database.")
@click.option("--events", default=50_000, show_default=True)
@click.option("--exported", default=20_000, show_default=True, help="At most so many, by format.")
@click.option("--full", is_flag=True, help="Ten million events, of which one million is exported.")
def main(url: str, events: int, exported: int, full: bool) -> None:
    events, exported = (10_000_000, 1_000_000) if full else (events, exported)

    async def run() -> None:
        async with opened(url + "?statement_timeout=0", [Fernet.generate_key().decode()]):
            organization = await seeded(events)
            await first_pages(organization, events)
            await exports(await organizations.operator_of("bench"), exported)

    asyncio.run(run())


if __name__ == "__main__":
    main()

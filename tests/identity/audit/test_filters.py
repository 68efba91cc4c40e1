"""What is asked of the audit log: each filter gives the same by SQL, page by page, as by looking at
each event, on both databases.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from identity.audit import filters, words
from identity.audit.actions import Action
from identity.audit.filters import EVERYTHING, EventFilter, Events, actions_like
from identity.refusals import BadInput
from models import ActorType, AuditEvent, Outcome, ViaType, rows
from models.database import transaction
from models.listing import Values, count_up_to_cap, page
from models.sql import Statement, is_postgres
from models.window import Window

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ORGANIZATION, OTHER = UUID(int=1 << 100 | 0xACE), UUID(int=1 << 100 | 0xBAD)
ACTORS = [UUID(int=2 << 100 | n) for n in range(3)]
TARGETS = [UUID(int=3 << 100 | n) for n in range(4)]
WORKSPACES = [UUID(int=4 << 100 | n) for n in range(2)]
NAMES = ["Zoë Ångström", "olga@acme.example", "Ben O'Hara", "100% \\ _odd_", "日本 支店"]
REASONS = ["Quarterly review", "LEFT the company", None]
ACTIONS = ["role.create", "role.delete", "campaign.send", "member.suspend", "group.delete"]


def event(number: int, choose: random.Random, organization_id: UUID = ORGANIZATION) -> AuditEvent:
    """One event a minute, of few different kinds."""
    at = NOON + timedelta(minutes=number)
    actor, target = choose.randrange(3), choose.randrange(4)
    made = AuditEvent(
        id=UUID(int=int(at.timestamp() * 1000) << 80 | choose.getrandbits(60)),
        created_at=at,
        organization_id=organization_id,
        workspace_id=choose.choice([*WORKSPACES, None]),
        actor_type=ActorType.MEMBER,
        actor_id=ACTORS[actor],
        actor_name=NAMES[actor],
        via=choose.choice(list(ViaType)),
        action=choose.choice(ACTIONS),
        target_type="role",
        target_id=TARGETS[target],
        target_name=NAMES[target + 1],
        outcome=choose.choice([Outcome.SUCCESS, Outcome.SUCCESS, Outcome.DENIED, Outcome.ERROR]),
        reason=choose.choice(REASONS),
        diff=[{"path": "body", "before": None, "after": "hidden treasure"}],
        ip=choose.choice(["192.0.2.1", "192.0.2.10", "2001:db8::1", None]),
    )
    made.words = words.words_of(made.action, made.actor_name, made.target_name, made.reason)
    return made


@pytest.fixture
async def log(database: str) -> list[AuditEvent]:
    """The events of one organization, newest first, beside those of another."""
    choose = random.Random(7)  # noqa: S311 - to repeat it
    events = [event(number, choose) for number in range(120)]
    others = [event(number, choose, OTHER) for number in range(40)]
    async with transaction():
        await rows.insert_all(events + others)
    return events[::-1]


FILTERS: dict[str, dict[str, Any]] = {
    "everything": {},
    "actor": {"actor_id": ACTORS[1]},
    "target": {"target_id": TARGETS[0]},
    "workspace": {"workspace_id": WORKSPACES[1]},
    "ip": {"ip": "192.0.2.1"},
    "ip in full": {"ip": "192.0.2"},
    "one action": {"actions": frozenset({"role.create"})},
    "several actions": {"actions": frozenset({"role.create", "group.delete", "owner.recover"})},
    "one outcome": {"outcomes": frozenset({Outcome.DENIED})},
    "two outcomes": {"outcomes": frozenset({Outcome.DENIED, Outcome.ERROR})},
    "success": {"outcomes": frozenset({Outcome.SUCCESS})},
    "all outcomes": {"outcomes": frozenset(Outcome)},
    "via": {"via": frozenset({ViaType.CLI})},
    "via several": {"via": frozenset({ViaType.CLI, ViaType.JOB})},
    "from": {"from_at": NOON + timedelta(minutes=100)},
    "before": {"before_at": NOON + timedelta(minutes=7)},
    "between": {
        "from_at": NOON + timedelta(minutes=30),
        "before_at": NOON + timedelta(minutes=31),
    },
    "word": {"text": "ROLE"},
    "beginning of a word": {"text": "zo"},
    "accents": {"text": "angstrom Zoe"},
    "words of several texts": {"text": "quarter olga delete"},
    "address": {"text": "olga@acme"},
    "apostrophe": {"text": "o'hara"},
    "signs of patterns": {"text": "100% odd"},
    "other scripts": {"text": "日本"},
    "not there": {"text": "nowhere"},
    "not in diffs": {"text": "treasure"},
    "not inside a word": {"text": "eview"},
    "text and more": {"text": "role", "actor_id": ACTORS[2], "outcomes": frozenset(Outcome)},
    "text and actions": {"text": "o", "actions": frozenset({"role.create", "role.delete"})},
    "much": {
        "actions": frozenset(ACTIONS),
        "via": frozenset(list(ViaType)[:3]),
        "outcomes": frozenset({Outcome.SUCCESS, Outcome.ERROR}),
        "workspace_id": WORKSPACES[0],
    },
}


async def read(asked: EventFilter, window: Window) -> list[UUID]:
    return [row.id for row in await page(Events(ORGANIZATION, asked.checked(field="f")), window)]


async def check(asked: EventFilter, log: Sequence[AuditEvent]) -> int:
    """Compare every way of paging with the events that match; how many these are."""
    wanted = [each.id for each in log if asked.matches(each)]
    assert await read(asked, Window(limit=200)) == wanted
    assert await read(asked, Window(limit=200, backwards=True)) == wanted
    assert await read(asked, Window(limit=3)) == wanted[:3]
    assert await read(asked, Window(limit=3, backwards=True)) == wanted[-3:]
    middle = log[60].id
    older, newer = [i for i in wanted if i < middle], [i for i in wanted if i > middle]
    assert await read(asked, Window(limit=4, after=middle)) == older[:4]
    assert await read(asked, Window(limit=4, before=middle, backwards=True)) == newer[-4:]
    assert await count_up_to_cap(Events(ORGANIZATION, asked)) == len(wanted)
    return len(wanted)


@pytest.mark.parametrize("near", [3000, 5], ids=["near", "indexed"])
async def test_a_filter_gives_what_matches(
    log: list[AuditEvent], near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few events looked at one by one, the others are found by the index of words."""
    monkeypatch.setattr(filters, "NEAR", near)
    found = {name: await check(EventFilter(**given), log) for name, given in FILTERS.items()}
    nothing = {name for name, number in found.items() if number == 0}
    assert nothing == {"ip in full", "not there", "not in diffs", "not inside a word"}
    assert found["everything"] == found["all outcomes"] == 120
    assert found["between"] == 1


async def test_filters_together_give_what_matches_all(log: list[AuditEvent]) -> None:
    choose = random.Random(11)  # noqa: S311 - to repeat it
    given = [each for name, each in FILTERS.items() if name != "between"]
    for _ in range(30):
        several = [choose.choice(given) for _ in range(choose.randint(2, 4))]
        together: dict[str, Any] = {}
        for each in several:
            together |= each
        if together.get("from_at") and together.get("before_at"):
            del together["from_at"]
        await check(EventFilter(**together), log)


async def test_the_other_organization_has_its_own(log: list[AuditEvent]) -> None:
    asked = EventFilter(text="role")
    theirs = await page(Events(OTHER, asked), Window(limit=100))
    assert theirs
    assert {row.organization_id for row in theirs} == {OTHER}


def test_a_filter_stays_within_a_workspace() -> None:
    here, there = WORKSPACES
    assert EVERYTHING.within(None) == EVERYTHING
    assert EVERYTHING.within(here) == EventFilter(workspace_id=here)
    assert EventFilter(workspace_id=here).within(here) == EventFilter(workspace_id=here)
    assert EventFilter(workspace_id=there).within(here) is None


def test_a_pattern_means_actions_of_the_catalogue() -> None:
    of_roles = {each.value for each in Action if each.value.startswith("role.")}
    deletes = {each.value for each in Action if each.value.endswith(".delete")}
    assert actions_like(["role.*"], field="f") == of_roles
    assert actions_like(["*.delete", "role.create"], field="f") == deletes | {"role.create"}
    assert actions_like(["*"], field="f") == {each.value for each in Action}


@pytest.mark.parametrize("pattern", ["role.creat", "role", "", "role.*.x", "r*", "%.delete", "a.*"])
def test_a_pattern_that_means_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(BadInput) as refused:
        actions_like(["role.create", pattern], field="filter.action")
    assert refused.value.field == "filter.action"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"text": " .,- "}, "f.text"),
        ({"text": "a b c d e f g h i"}, "f.text"),
        ({"from_at": datetime(2030, 1, 1)}, "f.fromAt"),  # noqa: DTZ001 - that is the point
        ({"before_at": datetime(1, 1, 1, tzinfo=UTC)}, "f.beforeAt"),
        ({"from_at": NOON, "before_at": NOON}, "f.beforeAt"),
    ],
)
def test_a_filter_that_cannot_be_is_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        EventFilter(**given).checked(field="f")
    assert refused.value.field == field


async def test_no_filter_reads_more_than_a_page_of_the_log(log: list[AuditEvent]) -> None:
    """On PostgreSQL each page is a walk of one index, or of one for each value."""
    if not is_postgres():
        pytest.skip("PostgreSQL says which index it takes")
    for name, given in FILTERS.items():
        plan = await _plan(replace(EventFilter(**given)))
        assert "Seq Scan on audit_events" not in plan, (name, plan)


async def _plan(asked: EventFilter) -> str:
    values = Values()
    text = Events(ORGANIZATION, asked).rows(values, Window(limit=26))
    async with transaction():
        await Statement("SET LOCAL enable_seqscan = off").execute()
        found = await Statement(f"EXPLAIN {text}").rows(*values.given)
    return "\n".join(str(row[0]) for row in found)

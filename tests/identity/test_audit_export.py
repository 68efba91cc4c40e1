"""What an export gives to whom, in which form, and what the log tells of it."""

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any
from uuid import UUID

import pytest

from identity import audit_export as export
from identity import organizations
from identity.access.decision import ORGANIZATION
from identity.access.permissions import Permission
from identity.audit import chain, sealed_file_check, signing
from identity.audit.actions import Action
from identity.audit.canonical import canonical_bytes, document
from identity.audit.chain import PublicKeys
from identity.audit.export_size import Estimate
from identity.audit.filters import EVERYTHING, EventFilter
from identity.audit.formats import COLUMNS
from identity.audit.record import AuditTarget, new_event, record_all
from identity.audit_export import Export, Format
from identity.refusals import Forbidden, NotFound, PlanRequired, Refusal, Unauthenticated
from identity.subject import Subject
from models import AuditEvent, BuiltinRole, Outcome, Plan
from models.database import transaction
from tests.identity.refusing import refused
from tests.world import World, at_workspace, new_world

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"]


async def begun(
    subject: Subject,
    format_: Format = Format.JSONL,
    workspace_id: UUID | None = None,
    asked: EventFilter = EVERYTHING,
) -> Export:
    return await export.begin(subject, format_=format_, workspace_id=workspace_id, asked=asked)


def always(subject: Subject) -> export.Present:
    async def present() -> Subject:
        return subject

    return present


async def written(subject: Subject, *args: Any) -> bytes:
    """All of an export."""
    running = await begun(subject, *args)
    async with aclosing(running.parts(always(subject))) as parts:
        return b"".join([part async for part in parts])


async def log_of(subject: Subject, names: Sequence[str]) -> None:
    """Events about roles of these names."""
    events = [
        new_event(
            Action.ROLE_CREATE,
            subject=subject,
            target=AuditTarget("role", UUID(int=7), name),
            diff=[{"path": "name", "before": None, "after": name}],
            reason='He said "no", twice;\nand left.',
        )
        for name in names
    ]
    async with transaction():
        await record_all(events)


async def last_events(world: World, number: int) -> list[tuple[str, Outcome, dict[str, Any]]]:
    found = (await world.events())[-number:]
    return [(e.action, e.outcome, {c["path"]: c.get("after") for c in e.diff}) for e in found]


async def test_every_line_is_the_canonical_document_oldest_first(world: World) -> None:
    owner = await world.subject(world.owner)
    await log_of(owner, FORMULAS)
    before = await world.events()
    lines = (await written(owner)).splitlines()
    assert lines == [canonical_bytes(document(event)) for event in before]


async def test_it_is_told_when_it_begins_and_when_it_ends(world: World) -> None:
    owner = await world.subject(world.owner)
    asked = EventFilter(text="olga", outcomes=frozenset({Outcome.SUCCESS}))
    number = len((await written(owner, Format.CSV, None, asked)).splitlines()) - 1
    assert await last_events(world, 2) == [
        (
            "audit.export",
            Outcome.SUCCESS,
            {"format": "csv", "outcome": ["success"], "text": "olga"},
        ),
        (
            "audit.export_end",
            Outcome.SUCCESS,
            {"format": "csv", "events": number, "complete": True},
        ),
    ]
    event = (await world.events())[-1]
    assert (event.target_type, event.target_id) == ("organization", world.organization.id)
    assert event.actor_id == world.owner.id


async def test_no_cell_is_a_formula(world: World) -> None:
    owner = await world.subject(world.owner)
    await log_of(owner, FORMULAS)
    before = await world.events()
    text = (await written(owner, Format.CSV)).decode()
    table = list(csv.reader(io.StringIO(text, newline="")))
    assert tuple(table[0]) == COLUMNS
    rows = [dict(zip(COLUMNS, line, strict=True)) for line in table[1:]]
    assert [row["id"] for row in rows] == [str(event.id) for event in before]
    assert [row["target_name"] for row in rows[-len(FORMULAS) :]] == [f"'{f}" for f in FORMULAS]
    assert rows[-1]["reason"] == 'He said "no", twice;\nand left.'
    assert json.loads(rows[-1]["diff"]) == before[-1].diff
    assert (rows[-1]["actor_type"], rows[-1]["via_type"]) == ("member", "session")
    cells = [cell for line in table for cell in line]
    assert not any(cell.startswith(tuple("=+-@\t\r\n")) for cell in cells)


async def test_ocsf_is_an_object_a_line(world: World) -> None:
    owner = await world.subject(world.owner)
    lines = [json.loads(line) for line in (await written(owner, Format.OCSF)).splitlines()]
    assert [line["metadata"]["event_code"] for line in lines] == [
        event.action for event in (await world.events())[: len(lines)]
    ]


@pytest.mark.parametrize(
    ("plan", "has"),
    [
        (Plan.STARTER, {Format.CSV}),
        (Plan.PREMIUM, {Format.CSV, Format.JSONL}),
        (Plan.ENTERPRISE, set(Format)),
    ],
)
async def test_a_plan_has_its_formats(database: str, plan: Plan, has: set[Format]) -> None:
    opened = await organizations.create(
        slug="small", name="Small", plan=plan, owner_email="o@small.example"
    )
    world = World(opened.organization, opened.workspace, opened.workspace, opened.owner)
    owner = await world.subject(world.owner)
    for format_ in Format:
        if format_ in has:
            assert await written(owner, format_)
        else:
            async with refused(PlanRequired, denied="audit.export", plan=plan.name):
                await begun(owner, format_)


async def test_who_may_not_export_gets_nothing_and_is_recorded(world: World) -> None:
    reader = await world.someone("Rea", BuiltinRole.MEMBER, world.everywhere)
    assert reader.access.allows(Permission.AUDIT_READ, ORGANIZATION)
    async with refused(Forbidden, denied="audit.export", missing=["AUDIT_EXPORT"]):
        await begun(reader)
    with pytest.raises(Forbidden):
        await export.estimate_of(reader.access, workspace_id=None, asked=EVERYTHING)


async def test_a_workspace_is_exported_by_who_may_there(world: World) -> None:
    for workspace in (world.a, world.b):
        await world.give(world.owner, BuiltinRole.VIEWER, at_workspace(workspace))
    auditor = await world.someone("Aud", BuiltinRole.AUDITOR, at_workspace(world.a))
    lines = [
        json.loads(each) for each in (await written(auditor, Format.JSONL, world.a.id)).splitlines()
    ]
    assert [line["workspace"] for line in lines] == [str(world.a.id)] * 2
    other = EventFilter(workspace_id=world.b.id)
    assert await written(auditor, Format.JSONL, world.a.id, other) == b""
    for place in (None, world.b.id):
        async with refused(Forbidden, denied="audit.export"):
            await begun(auditor, Format.JSONL, place)


async def test_a_workspace_of_another_organization_is_not_found(world: World) -> None:
    other = await new_world("globex")
    with pytest.raises(NotFound):
        await begun(await world.subject(world.owner), Format.CSV, other.a.id)


async def test_diffs_that_are_not_to_be_read_are_left_out_and_marked(world: World) -> None:
    """Whoever may export may not therefore read campaigns."""
    role = await world.custom_role("Exporter", Permission.AUDIT_EXPORT, Permission.ROLES_READ)
    exporter = await world.someone("Exp", role, world.everywhere)
    owner = await world.subject(world.owner)
    await log_of(owner, ["Shift"])
    campaign = await world.campaign(world.a)
    event = new_event(
        Action.CAMPAIGN_UPDATE,
        subject=owner,
        target=AuditTarget("campaign", campaign.id, campaign.name),
        diff=[{"path": "body", "before": None, "after": "The secret offer."}],
        workspace_id=world.a.id,
    )
    async with transaction():
        await record_all([event])

    of_json = [json.loads(line) for line in (await written(exporter)).splitlines()]
    by_action = {line["action"]: line for line in of_json}
    assert by_action["campaign.update"]["diff"] is None
    assert by_action["campaign.update"]["diff_withheld"] is True
    assert by_action["role.create"]["diff"][0]["after"] == "Shift"
    assert "diff_withheld" not in by_action["role.create"]
    for format_ in Format:
        assert b"secret offer" not in await written(exporter, format_)
        assert b"secret offer" in await written(owner, format_)


async def test_it_ends_when_the_right_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was lost is asked before each batch, in the middle of a file as well."""
    monkeypatch.setattr(export, "BATCH", 2)
    auditor = await world.someone("Aud", BuiltinRole.AUDITOR, world.everywhere)
    nobody = await world.subject(await world.member("Nob"))
    await log_of(auditor, FORMULAS)
    answers: list[Subject | Refusal] = [auditor, auditor, nobody]

    async def present() -> Subject:
        answer = answers.pop(0)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    running = await begun(auditor)
    with pytest.raises(Forbidden):
        [part async for part in running.parts(present)]
    assert await last_events(world, 1) == [
        (
            "audit.export_end",
            Outcome.DENIED,
            {"format": "jsonl", "events": 4, "complete": False},
        )
    ]

    answers = [auditor, Unauthenticated()]
    running = await begun(auditor)
    with pytest.raises(Unauthenticated):
        [part async for part in running.parts(present)]
    assert (await last_events(world, 1))[0][2]["events"] == 2


@pytest.mark.parametrize("how", ["closed", "cancelled"])
async def test_one_that_is_broken_off_is_told_so(
    world: World, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(export, "BATCH", 1)
    owner = await world.subject(world.owner)
    running = await begun(owner)
    reached = asyncio.Event()

    async def slow() -> Subject:
        if running.done == 2:
            reached.set()
            await asyncio.Event().wait()
        return owner

    async def read() -> None:
        async with aclosing(running.parts(slow)) as parts:
            async for _ in parts:
                if how == "closed" and running.done == 2:
                    break

    task = asyncio.create_task(read())
    if how == "cancelled":
        await reached.wait()
        task.cancel()
    await asyncio.wait({task})
    assert await last_events(world, 1) == [
        (
            "audit.export_end",
            Outcome.SUCCESS,
            {"format": "jsonl", "events": 2, "complete": False},
        )
    ]
    assert (await world.events())[-1].reason == "The receiver left."


async def test_a_failure_is_told_as_ours(world: World) -> None:
    owner = await world.subject(world.owner)

    async def broken() -> Subject:
        raise ZeroDivisionError

    running = await begun(owner)
    with pytest.raises(ZeroDivisionError):
        [part async for part in running.parts(broken)]
    event = (await world.events())[-1]
    assert (event.action, event.outcome, event.reason) == (
        "audit.export_end",
        Outcome.ERROR,
        "INTERNAL",
    )


async def checked(lines: bytes) -> sealed_file_check.FileReport:
    await signing.signing_key()
    keys = PublicKeys.of_pem("\n".join([chain.pem(key) for key in await signing.public_keys()]))
    return sealed_file_check.check(iter(lines.splitlines(keepends=True)), keys)


async def test_a_sealed_export_proves_what_it_has(world: World) -> None:
    owner = await world.subject(world.owner)
    await log_of(owner, ["Shift"])
    number = len(await world.events())
    whole = await checked(await written(owner, Format.SEALED))
    assert (whole.finding, whole.events) == (None, number)

    asked = EventFilter(actions=frozenset({"role.create"}))
    some = await written(owner, Format.SEALED, None, asked)
    report = await checked(some)
    assert (report.finding, report.events) == (None, 1)
    assert report.filter == {"action": ["role.create"]}
    assert (await checked(some.replace(b"Shift", b"Shaft"))).finding is not None
    assert (await last_events(world, 1))[0][2] == {
        "format": "sealed",
        "events": 1,
        "complete": True,
    }


async def test_a_sealed_export_ends_when_the_right_does(world: World) -> None:
    auditor = await world.someone("Aud", BuiltinRole.AUDITOR, world.everywhere)
    nobody = await world.subject(await world.member("Nob"))
    running = await begun(auditor, Format.SEALED)
    with pytest.raises(Forbidden):
        [part async for part in running.parts(always(nobody))]
    assert (await last_events(world, 1))[0][1:] == (
        Outcome.DENIED,
        {"format": "sealed", "events": 0, "complete": False},
    )


async def test_it_goes_on_from_batch_to_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await world.subject(world.owner)
    await log_of(owner, [f"Role {number}" for number in range(25)])
    whole = await written(owner, Format.JSONL, None, EventFilter(text="role create"))
    for size in (1, 7, 25, 26):
        monkeypatch.setattr(export, "BATCH", size)
        asked = EventFilter(text="role create")
        assert await written(owner, Format.JSONL, None, asked) == whole
    assert len(whole.splitlines()) == 25


async def test_what_happens_meanwhile_is_not_in_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BATCH", 1)
    owner = await world.subject(world.owner)
    before = len(await world.events())
    running = await begun(owner)
    lines = 0
    async for _ in running.parts(always(owner)):
        lines += 1
        await log_of(owner, ["More"])
    assert lines == before
    assert await AuditEvent.filter(target_name="More").count() == before


async def test_the_size_is_known_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = await world.subject(world.owner)
    await log_of(owner, [f"Role {number}" for number in range(25)])
    number = len(await world.events())
    size = await export.estimate_of(owner.access, workspace_id=None, asked=EVERYTHING)
    assert size == Estimate(number, exact=True)
    asked = EventFilter(text="role", workspace_id=world.a.id)
    size = await export.estimate_of(owner.access, workspace_id=world.b.id, asked=asked)
    assert size == Estimate(0, exact=True)
    monkeypatch.setattr("identity.audit.export_size.COUNTED", 5)
    for filter_ in (
        EVERYTHING,
        EventFilter(text="role"),
        EventFilter(actions=frozenset({"role.create"})),
    ):
        size = await export.estimate_of(owner.access, workspace_id=None, asked=filter_)
        assert size.events >= 5
        assert not size.exact or size.events >= 25

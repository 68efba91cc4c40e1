"""A change in place is the same, whether one statement makes it or several under the lock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from tortoise.exceptions import BaseORMException

from identity import assignments, campaigns, members, sending_servers, single_write
from identity.access.permissions import Permission
from identity.assignments import Principal
from identity.campaigns import Content
from identity.facts import Fact, Kind, board, hearing
from identity.refusals import (
    BadInput,
    Busy,
    Conflict,
    Forbidden,
    NotFound,
    Unauthenticated,
    VersionConflict,
)
from identity.sending_servers import Settings
from identity.subject import Subject
from identity.writing import one_transaction
from models import (
    Assignment,
    BuiltinRole,
    Campaign,
    CampaignStatus,
    Organization,
    Plan,
    PrincipalType,
    SendingServer,
)
from models.sql import Statement, is_postgres
from tests.clock import MovableClock
from tests.identity.refusing import outcome, refused, story
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

SECONDS = 10
only_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@pytest.fixture(params=["one statement", "general"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test runs both ways. SQLite has only the general one."""
    if request.param == "general":
        monkeypatch.setattr(single_write, "possible", lambda _: False)
    return str(request.param)


@pytest.fixture
async def otto(world: World) -> Subject:
    """An administrator of workspace a."""
    return await world.someone("Otto", BuiltinRole.ADMIN, at_workspace(world.a))


@pytest.fixture
async def spring(world: World) -> Campaign:
    return await world.campaign(world.a)


@asynccontextmanager
async def elsewhere(database_url: str) -> AsyncIterator[Any]:
    """A transaction of another process, rolled back at the end unless the test commits it."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("BEGIN")
        yield connection
    finally:
        await connection.close()


async def still_waits(task: "asyncio.Task[Any]") -> None:
    done, _ = await asyncio.wait([task], timeout=0.3)
    assert not done


async def test_the_row_and_its_event(otto: Subject, spring: Campaign, world: World) -> None:
    edited = await campaigns.edit(
        otto, spring.id, Content(name=" Summer ", body="Sun."), expected_version=1
    )
    saved = await Campaign.get(id=spring.id)
    assert (saved.name, saved.subject, saved.body, saved.version) == ("Summer", "Hello", "Sun.", 2)
    assert saved.updated_at > spring.updated_at
    for name in spring._meta.fields_db_projection:
        assert getattr(edited, name) == getattr(saved, name), name
        if name not in ("name", "body", "version", "updated_at"):
            assert getattr(saved, name) == getattr(spring, name), name
    event = (await world.events())[-1]
    assert story(event) == ("Otto", "campaign.update", "campaign", "Summer")
    assert (event.target_id, event.workspace_id) == (spring.id, world.a.id)
    assert (event.actor_id, event.via, event.via_id) == (otto.actor_id, otto.via, otto.via_id)
    assert (event.request_id, event.ip, event.reason) == ("test", "192.0.2.1", None)
    assert event.diff == [
        {"path": "name", "before": "Spring", "after": "Summer"},
        {"path": "body", "before": "Hello, spring.", "after": "Sun."},
    ]


async def test_how_many_statements(otto: Subject, spring: Campaign, way: str) -> None:
    seen = await Campaign.get(id=spring.id)
    with counted_statements() as statements:
        await campaigns.edit(otto, spring.id, Content(name="A"), expected_version=1, seen=seen)
    assert len(statements) == (1 if is_postgres() and way == "one statement" else 4), statements


async def test_an_edit_that_changes_nothing_is_still_one(
    otto: Subject, spring: Campaign, world: World
) -> None:
    edited = await campaigns.edit(otto, spring.id, Content(), expected_version=1)
    assert (edited.version, (await world.events())[-1].diff) == (2, [])


async def test_a_new_host_drops_the_password(otto: Subject, spring: Campaign, world: World) -> None:
    assert spring.sending_server_id is not None
    server = await SendingServer.get(id=spring.sending_server_id)
    fingerprint = server.password_fingerprint
    await sending_servers.update(otto, server.id, Settings(host="Evil.example"), expected_version=1)
    saved = await SendingServer.get(id=server.id)
    assert (saved.host, saved.password_encrypted, saved.version) == ("evil.example", None, 2)
    assert (await world.events())[-1].diff == [
        {"path": "host", "before": "smtp.acme.example", "after": "evil.example"},
        {"path": "passwordFingerprint", "before": fingerprint, "after": None},
    ]
    await sending_servers.set_credentials(
        otto, server.id, username="u", password="new secret", expected_version=2
    )
    saved = await SendingServer.get(id=server.id)
    assert (saved.username, saved.version) == ("u", 3)
    assert saved.password_fingerprint not in (None, fingerprint)


async def test_refusals(otto: Subject, spring: Campaign, world: World) -> None:
    vera = await world.someone("Vera", BuiltinRole.VIEWER, at_workspace(world.a))
    rita = await world.someone("Rita", BuiltinRole.ADMIN, at_workspace(world.b))
    content = Content(name="New")
    async with refused(
        Forbidden,
        denied="campaign.update",
        reason="MISSING_PERMISSION",
        missing=["CAMPAIGNS_DRAFT"],
    ):
        await campaigns.edit(vera, spring.id, content, expected_version=1)
    async with refused(NotFound):
        await campaigns.edit(rita, spring.id, content, expected_version=1)
    async with refused(NotFound):
        await campaigns.edit(otto, UNKNOWN_ID, content, expected_version=1)
    async with refused(VersionConflict, expectedVersion=2, actualVersion=1):
        await campaigns.edit(otto, spring.id, content, expected_version=2)
    async with refused(BadInput, field="name"):
        await campaigns.edit(otto, spring.id, Content(name=""), expected_version=1)
    await Campaign.filter(id=spring.id).update(status=CampaignStatus.SENT)
    async with refused(Conflict):
        await campaigns.edit(otto, spring.id, content, expected_version=1)


async def test_a_row_that_was_seen_before_it_changed(otto: Subject, spring: Campaign) -> None:
    seen = await Campaign.get(id=spring.id)
    await campaigns.edit(otto, spring.id, Content(name="First"), expected_version=1)
    async with refused(VersionConflict, expectedVersion=1, actualVersion=2):
        await campaigns.edit(otto, spring.id, Content(name="Late"), expected_version=1, seen=seen)


async def test_a_state_that_changed_since(otto: Subject, spring: Campaign) -> None:
    seen = await Campaign.get(id=spring.id)
    await Campaign.filter(id=spring.id).update(status=CampaignStatus.SENDING)
    async with refused(Conflict):
        await campaigns.edit(otto, spring.id, Content(name="Late"), expected_version=1, seen=seen)


async def test_a_row_that_is_gone(otto: Subject, spring: Campaign) -> None:
    seen = await Campaign.get(id=spring.id)
    await spring.delete()
    async with refused(NotFound):
        await campaigns.edit(otto, spring.id, Content(name="Late"), expected_version=1, seen=seen)


async def test_a_row_of_another_organization_is_not_found_though_it_was_handed_in(
    world: World,
) -> None:
    owner = await world.subject(world.owner)
    theirs = await (other := await new_world("globex")).campaign(other.a)
    async with refused(NotFound):
        await campaigns.edit(
            owner, theirs.id, Content(name="Mine"), expected_version=1, seen=theirs
        )


async def test_access_taken_away_since(world: World, spring: Campaign) -> None:
    member = await world.member("Otto")
    given = await world.give(member, BuiltinRole.OPERATOR, at_workspace(world.a))
    stale, seen = await world.subject(member), await Campaign.get(id=spring.id)
    await assignments.unassign(world.operator, given.id)
    assert stale.access.allows_anywhere(Permission.CAMPAIGNS_DRAFT)
    async with refused(NotFound):
        await campaigns.edit(stale, spring.id, Content(name="Late"), expected_version=1, seen=seen)


async def test_a_member_who_was_suspended_since(world: World, spring: Campaign) -> None:
    member = await world.member("Otto")
    await world.give(member, BuiltinRole.OPERATOR, at_workspace(world.a))
    stale, seen = await world.subject(member), await Campaign.get(id=spring.id)
    await members.suspend(world.operator, member.id)
    async with refused(Unauthenticated):
        await campaigns.edit(stale, spring.id, Content(name="Late"), expected_version=1, seen=seen)


async def test_a_plan_that_changed_since(world: World, otto: Subject, spring: Campaign) -> None:
    """The statement is not made; under the lock the decision is made for the plan of now."""
    await Organization.filter(id=world.organization.id).update(plan=Plan.STARTER)
    with counted_statements() as statements:
        edited = await campaigns.edit(otto, spring.id, Content(name="A"), expected_version=1)
    assert (edited.name, edited.version) == ("A", 2)
    assert statements[-2].startswith("UPDATE campaigns")


async def test_access_that_was_given_since(world: World, spring: Campaign) -> None:
    member = await world.member("Otto")
    stale = await world.subject(member)
    await world.give(member, BuiltinRole.OPERATOR, at_workspace(world.a))
    edited = await campaigns.edit(stale, spring.id, Content(name="New"), expected_version=1)
    assert (edited.name, edited.version) == ("New", 2)


async def test_access_for_a_time(
    world: World, spring: Campaign, movable_clock: MovableClock
) -> None:
    member = await world.member("Otto")
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.OPERATOR)).id,
        principal=Principal(PrincipalType.MEMBER, member.id),
        scope=at_workspace(world.a),
        expires_at=movable_clock.time + timedelta(minutes=1),
    )
    subject = await world.subject(member)
    edited = await campaigns.edit(subject, spring.id, Content(name="In time"), expected_version=1)
    assert edited.name == "In time"
    seen = await Campaign.get(id=spring.id)
    movable_clock.move(timedelta(minutes=1))
    async with refused(NotFound):
        await campaigns.edit(
            subject, spring.id, Content(name="Late"), expected_version=2, seen=seen
        )


async def test_without_an_event_there_is_no_change(
    otto: Subject, spring: Campaign, world: World
) -> None:
    log = len(await world.events())
    if is_postgres():
        refuse = (
            "ALTER TABLE audit_events ADD CONSTRAINT full_disk CHECK (action <> 'campaign.update')"
        )
        accept = "ALTER TABLE audit_events DROP CONSTRAINT full_disk"
    else:
        refuse = (
            "CREATE TRIGGER full_disk BEFORE INSERT ON audit_events"
            " BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        accept = "DROP TRIGGER full_disk"
    await Statement(refuse).execute()
    try:
        with pytest.raises((BaseORMException, asyncpg.PostgresError)):
            await campaigns.edit(otto, spring.id, Content(name="Unseen"), expected_version=1)
    finally:
        await Statement(accept).execute()
    saved = await Campaign.get(id=spring.id)
    assert (saved.name, saved.version) == ("Spring", 1)
    assert len(await world.events()) == log


async def test_as_a_part_of_a_larger_change_it_is_undone_with_it(
    otto: Subject, spring: Campaign, world: World
) -> None:
    log = len(await world.events())

    async def several() -> None:
        async with one_transaction():
            await campaigns.edit(otto, spring.id, Content(name="Undone"), expected_version=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await several()
    assert (await Campaign.get(id=spring.id)).name == "Spring"
    assert len(await world.events()) == log


async def test_the_operator_edits_too(world: World, spring: Campaign) -> None:
    edited = await campaigns.edit(world.operator, spring.id, Content(name="A"), expected_version=1)
    assert (edited.version, (await world.events())[-1].actor_name) == (2, "operator")


async def test_the_event_is_told_of(otto: Subject, spring: Campaign, world: World) -> None:
    def events(fact: Fact) -> bool:
        return fact.kind is Kind.AUDIT

    with board.watching(world.organization.id, events) as watch:
        async with hearing(), asyncio.timeout(SECONDS):
            while not (await watch.heard()).missed:
                pass
            await campaigns.edit(otto, spring.id, Content(name="Told"), expected_version=1)
            event = (await world.events())[-1]
            told: set[Fact] = set()
            while event.id not in {fact.id for fact in told}:
                told |= (await watch.heard()).facts


async def test_of_two_edits_of_one_version_one_wins(
    otto: Subject, spring: Campaign, world: World
) -> None:
    log = len(await world.events())
    seen = [await Campaign.get(id=spring.id) for _ in range(4)]
    outcomes = await asyncio.gather(
        *(
            outcome(
                campaigns.edit(
                    otto, spring.id, Content(name=f"N{n}"), expected_version=1, seen=seen[n]
                )
            )
            for n in range(4)
        )
    )
    assert sorted(outcomes) == ["CONFLICT", "CONFLICT", "CONFLICT", "DONE"]
    saved = await Campaign.get(id=spring.id)
    assert (saved.name, saved.version) == (f"N{outcomes.index('DONE')}", 2)
    (event,) = (await world.events())[log:]
    assert event.diff == [{"path": "name", "before": "Spring", "after": saved.name}]


@only_postgres
@pytest.mark.parametrize("commits", [True, False])
async def test_an_edit_waits_for_another_process_and_decides_on_what_it_left(
    database_url: str, otto: Subject, spring: Campaign, commits: bool
) -> None:
    async with elsewhere(database_url) as other:
        await other.execute("UPDATE campaigns SET name = 'Theirs', version = 2")
        edit = campaigns.edit(otto, spring.id, Content(name="Ours"), expected_version=1)
        task = asyncio.create_task(outcome(edit))
        await still_waits(task)
        await other.execute("COMMIT" if commits else "ROLLBACK")
        assert await task == ("CONFLICT" if commits else "DONE")
    saved = await Campaign.get(id=spring.id)
    assert (saved.name, saved.version) == ("Theirs" if commits else "Ours", 2)


@only_postgres
async def test_an_edit_waits_for_a_change_of_access_that_is_under_way(
    database_url: str, otto: Subject, spring: Campaign, world: World
) -> None:
    log, seen = len(await world.events()), await Campaign.get(id=spring.id)
    async with elsewhere(database_url) as other:
        await other.execute("SELECT 1 FROM organizations FOR UPDATE")
        await other.execute("DELETE FROM assignments WHERE principal_id = $1", otto.member_id)
        await other.execute("UPDATE organizations SET access_revision = access_revision + 1")
        edit = campaigns.edit(otto, spring.id, Content(name="Late"), expected_version=1, seen=seen)
        task = asyncio.create_task(outcome(edit))
        await still_waits(task)
        await other.execute("COMMIT")
        assert await task == "NOT_FOUND"
    assert (await Campaign.get(id=spring.id)).version == 1
    assert len(await world.events()) == log


@only_postgres
async def test_a_change_of_access_waits_for_an_edit_that_is_under_way(
    database_url: str, otto: Subject, spring: Campaign, world: World
) -> None:
    given = await Assignment.get(principal_id=otto.member_id)
    async with elsewhere(database_url) as other:
        await other.execute("SELECT 1 FROM campaigns FOR UPDATE")
        edit = campaigns.edit(otto, spring.id, Content(name="In time"), expected_version=1)
        editing = asyncio.create_task(outcome(edit))
        await still_waits(editing)
        taking = asyncio.create_task(outcome(assignments.unassign(world.operator, given.id)))
        await still_waits(taking)
        await other.execute("ROLLBACK")
        assert (await editing, await taking) == ("DONE", "DONE")
    assert [event.action for event in (await world.events())[-2:]] == [
        "campaign.update",
        "role.unassign",
    ]
    assert (await Campaign.get(id=spring.id)).name == "In time"


@only_postgres
async def test_a_row_that_others_hold_too_long(
    database_url: str, otto: Subject, spring: Campaign
) -> None:
    async with elsewhere(database_url) as other:
        await other.execute("SELECT 1 FROM campaigns FOR UPDATE")
        async with refused(Busy):
            await campaigns.edit(otto, spring.id, Content(name="A"), expected_version=1)


@only_postgres
async def test_edits_and_changes_of_access_at_the_same_time(
    otto: Subject, spring: Campaign, world: World
) -> None:
    """Whatever the order: no edit is recorded after the role was taken away."""
    given = await Assignment.get(principal_id=otto.member_id)

    async def edits() -> list[str]:
        codes = []
        for version in range(1, 13):
            edit = campaigns.edit(
                otto, spring.id, Content(name=f"N{version}"), expected_version=version
            )
            codes.append(await outcome(edit))
        return codes

    codes, taken = await asyncio.gather(
        edits(), outcome(assignments.unassign(world.operator, given.id))
    )
    done = codes.count("DONE")
    assert taken == "DONE"
    assert codes == ["DONE"] * done + ["NOT_FOUND"] * (len(codes) - done)
    assert (await Campaign.get(id=spring.id)).version == 1 + done
    actions = [event.action for event in (await world.events())][-done - 1 :]
    assert actions.count("campaign.update") == done


async def test_a_subject_whose_revision_is_wrong_decides_under_the_lock(
    otto: Subject, spring: Campaign
) -> None:
    edited = await campaigns.edit(
        replace(otto, revision=otto.revision - 1), spring.id, Content(name="A"), expected_version=1
    )
    assert (edited.name, edited.version) == ("A", 2)

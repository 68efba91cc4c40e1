"""`gatepost member`, `group` and `invitation`, as an operator uses them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from identity.access.decision import ORGANIZATION
from identity.access.load import read_access
from identity.access.permissions import ALL_MASK
from identity.owners import owning
from identity.sso import invited
from models import (
    AuditEvent,
    Group,
    GroupMember,
    Invitation,
    Mail,
    Member,
    MemberStatus,
    Organization,
    SuspendedBy,
    User,
)
from tests.gateway.commands import PUBLIC_URL, Gatepost
from tests.gateway.smtp_server import smtp_server

OLGA, BOB, CARLA = "olga@acme.example", "bob@acme.example", "carla@elsewhere.example"
OF_ACME = ("--org", "acme")


@pytest.fixture
def acme(gatepost: Gatepost) -> Gatepost:
    """An organization with its owner and Bob."""
    gatepost.acme()

    async def bob() -> None:
        organization = await Organization.get()
        await Member.create(
            organization=organization,
            user=await User.create(email=BOB, name="Bob"),
            user_name=BOB,
            user_name_key=BOB,
            email=BOB,
            email_key=BOB,
            name="Bob",
        )

    gatepost.look(bob)
    return gatepost


def rows(gatepost: Gatepost, *arguments: str) -> Any:
    """The array that a command prints."""
    return gatepost.json(*arguments)


def done(gatepost: Gatepost) -> list[tuple[str, str, str | None]]:
    """What the audit log says of it: the action, who did it, and by which command."""

    async def read() -> list[tuple[str, str, str | None]]:
        events = await AuditEvent.all().order_by("id")
        return [(event.action, event.actor_name, event.operation) for event in events]

    return gatepost.look(read)


async def bob() -> Member:
    return await Member.get(email=BOB)


def test_members_are_listed_newest_first(acme: Gatepost) -> None:
    listed = rows(acme, "member", "list", *OF_ACME)
    assert [(row["email"], row["status"]) for row in listed] == [(BOB, "active"), (OLGA, "active")]
    said = acme.run("member", "list", *OF_ACME)
    lines = said.stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["email", BOB, OLGA]


def test_suspend_reactivate_and_remove(acme: Gatepost) -> None:
    assert acme.json("member", "suspend", *OF_ACME, "--email", BOB)["status"] == "suspended"
    assert acme.look(bob).suspended_by == {SuspendedBy.ADMIN}
    again = acme.run("member", "suspend", *OF_ACME, "--email", BOB)
    assert (again.exit_code, again.stderr) == (1, "Error: Bob is suspended already.\n")

    assert acme.json("member", "reactivate", *OF_ACME, "--email", BOB)["status"] == "active"
    acme.json("member", "remove", *OF_ACME, "--email", BOB, "--reason", "Contract ended.")
    assert [row["email"] for row in rows(acme, "member", "list", *OF_ACME)] == [OLGA]
    assert done(acme)[-3:] == [
        ("member.suspend", "operator", "gatepost member suspend"),
        ("member.reactivate", "operator", "gatepost member reactivate"),
        ("member.remove", "operator", "gatepost member remove"),
    ]


def test_a_stranger_is_not_found(acme: Gatepost) -> None:
    for command in ("suspend", "reactivate", "remove"):
        said = acme.run("member", command, *OF_ACME, "--email", "eve@acme.example")
        assert said.exit_code == 1
        assert said.stderr == "Error: There is no such member, or you may not see it.\n"


@pytest.mark.parametrize("command", ["suspend", "remove"])
def test_the_sole_owner_stays(acme: Gatepost, command: str) -> None:
    before = len(done(acme))
    said = acme.run("member", command, *OF_ACME, "--email", OLGA)

    assert said.exit_code == 1
    assert "without an active owner" in said.stderr

    async def olga() -> Member:
        return await Member.get(email=OLGA)

    assert acme.look(olga).status is MemberStatus.ACTIVE
    assert [action for action, _, _ in done(acme)[before:]] == [f"member.{command}"]


def test_who_is_promoted_has_everything_beside_the_other_owner(acme: Gatepost) -> None:
    async def holds() -> tuple[int, int]:
        member = await bob()
        organization = await Organization.get(slug="acme")
        access = await read_access(organization.id, member.id, organization.plan)
        return access.mask_at(ORGANIZATION), len(await owning(organization.id))

    assert acme.look(holds) == (0, 1)
    acme.json("assignment", "add", *OF_ACME, "--role", "owner", "--member", BOB)
    assert acme.look(holds) == (ALL_MASK, 2)


def test_groups_are_made_filled_and_deleted(acme: Gatepost) -> None:
    made = acme.json("group", "create", *OF_ACME, "--name", "Crew", "--email", OLGA)
    assert (made["name"], made["source"]) == ("Crew", "manual")
    acme.json("group", "add", *OF_ACME, "--name", "crew", "--email", BOB)

    async def inside() -> list[str]:
        places = await GroupMember.all().select_related("member")
        return sorted(place.member.email for place in places)

    assert acme.look(inside) == [BOB, OLGA]
    acme.json("group", "remove", *OF_ACME, "--name", "Crew", "--email", BOB, "--email", OLGA)
    assert acme.look(inside) == []
    assert [row["name"] for row in rows(acme, "group", "list", *OF_ACME)] == ["Crew"]
    acme.json("group", "delete", *OF_ACME, "--name", "Crew")
    assert acme.run("group", "list", *OF_ACME).stdout == "acme has no groups.\n"
    assert [action for action, _, _ in done(acme)[-4:]] == [
        "group.create",
        "group.update",
        "group.update",
        "group.delete",
    ]


def test_a_directorys_group_is_not_changed(acme: Gatepost) -> None:
    acme.json("group", "create", *OF_ACME, "--name", "Synced")

    async def synced() -> None:
        await Group.all().update(source="directory")

    acme.look(synced)
    for arguments in (("add", "--email", BOB), ("remove", "--email", BOB), ("delete",)):
        command, *more = arguments
        said = acme.run("group", command, *OF_ACME, "--name", "Synced", *more)
        assert (said.exit_code, said.stderr) == (
            1,
            "Error: A directory keeps the group Synced. Change it there.\n",
        )

    async def version() -> tuple[int, int]:
        return (await Group.get()).version, await GroupMember.all().count()

    assert acme.look(version) == (1, 0)


def invite(gatepost: Gatepost, *more: str) -> dict[str, str]:
    return gatepost.json("member", "invite", *OF_ACME, "--email", CARLA, *more)


def test_without_a_mail_server_the_link_is_printed(acme: Gatepost) -> None:
    told = invite(acme, "--role", "viewer", "--workspace", "main", "--until", "2090-01-01")
    start, _, token = told["accept_url"].partition("=")
    assert start == f"{PUBLIC_URL}/auth/invitation?token"

    async def promised() -> tuple[str, datetime | None]:
        row = await invited.usable(token)
        return row.email, row.access_expires_at

    assert acme.look(promised) == (CARLA, datetime(2090, 1, 1, tzinfo=UTC))
    (listed,) = rows(acme, "invitation", "list", *OF_ACME)
    assert (listed["email"], listed["status"]) == (CARLA, "pending")
    ends = datetime.fromisoformat(listed["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < ends <= timedelta(days=7)


def test_sent_again_and_revoked(acme: Gatepost) -> None:
    first = invite(acme, "--role", "Viewer")["accept_url"]
    second = acme.json("invitation", "resend", *OF_ACME, "--email", CARLA)["accept_url"]
    assert first != second
    assert acme.json("invitation", "revoke", *OF_ACME, "--email", CARLA)["status"] == "revoked"
    said = acme.run("invitation", "resend", *OF_ACME, "--email", CARLA)
    assert said.stderr == "Error: There is no such invitation, or you may not see it.\n"
    assert [action for action, _, _ in done(acme)[-3:]] == [
        "invitation.create",
        "invitation.resend",
        "invitation.revoke",
    ]


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (("--role", "Nobody"), "There is no such role"),
        (("--role", "Viewer", "--workspace", "nowhere"), "There is no such workspace"),
        (("--role", "Viewer", "--until", "2020-01-01"), "lies in the past"),
    ],
)
def test_what_cannot_be_promised(acme: Gatepost, more: tuple[str, ...], complaint: str) -> None:
    said = acme.run("member", "invite", *OF_ACME, "--email", CARLA, *more)
    assert said.exit_code == 1
    assert complaint in said.stderr

    async def none() -> bool:
        return not await Invitation.all().exists()

    assert acme.look(none)


def test_with_a_mail_server_the_links_are_mailed_and_not_printed(acme: Gatepost) -> None:
    with smtp_server() as server:
        environment = {
            "GATEPOST_SMTP_URL": f"smtp+plain://127.0.0.1:{server.port}",
            "GATEPOST_MAIL_FROM": "Gatepost <no-reply@gate.example>",
        }
        invited_by_mail = acme.run(
            *("member", "invite", *OF_ACME, "--email", CARLA, "--role", "Viewer"),
            **environment,
        )
        recovered = acme.run("recover-owner", *OF_ACME, "--email", OLGA, "--mail", **environment)
        server.answer = "550 No such user"
        refused = acme.run("invitation", "resend", *OF_ACME, "--email", CARLA, **environment)

    assert "/auth/" not in invited_by_mail.stdout + recovered.stdout + refused.stdout
    assert [to for to, _ in server.received] == [[CARLA], [OLGA]]
    invitation, link = server.texts()
    assert f"{PUBLIC_URL}/auth/invitation?token=" in invitation
    assert f"{PUBLIC_URL}/auth/link?token=" in link
    assert "The mail server refused it: 550 No such user" in refused.stdout

    async def kept() -> list[str | None]:
        return [mail.message_encrypted for mail in await Mail.all()]

    assert acme.look(kept) == [None, None, None]


def test_a_link_is_mailed_only_where_a_mail_server_is_set_up(gatepost: Gatepost) -> None:
    said = gatepost.run(
        *("org", "create", "--slug", "acme", "--name", "Acme", "--plan", "starter"),
        *("--owner", OLGA, "--mail"),
    )
    assert said.exit_code == 2
    assert "set GATEPOST_SMTP_URL" in said.stderr

    async def none() -> bool:
        return not await Organization.all().exists()

    assert gatepost.look(none)

"""`gatepost api-key`."""

import json

import pytest

from identity.access.permissions import Permission
from identity.credentials.key_tokens import PATTERN
from models import ApiKey, ApiKeyEnd, ApiKeyKind, Assignment, AuditEvent
from tests.gateway.commands import Gatepost
from tests.keys import caller

OLGA = ("api-key", "create", "--org", "acme", "--as", "olga@acme.example")
READ = ("--scope", "campaigns:read")


@pytest.fixture
def acme(gatepost: Gatepost) -> Gatepost:
    gatepost.acme()
    return gatepost


def keys(gatepost: Gatepost) -> list[ApiKey]:
    async def found() -> list[ApiKey]:
        return await ApiKey.all()

    return gatepost.look(found)


def rows(gatepost: Gatepost, *more: str) -> list[dict[str, str]]:
    """What the list says."""
    said = gatepost.run("api-key", "list", "--org", "acme", *more, "--json")
    found: list[dict[str, str]] = json.loads(said.stdout)
    return found


def created(gatepost: Gatepost, *more: str) -> dict[str, str]:
    return gatepost.json(*OLGA, *READ, *more)


def test_a_key_is_made_for_a_member(acme: Gatepost) -> None:
    answer = created(acme, "--scope", "campaigns:send", "--workspace", "main")
    assert PATTERN.fullmatch(answer["token"])
    assert answer["token"].startswith(answer["prefix"])

    async def look() -> None:
        subject = await caller(answer["token"])
        key = await ApiKey.get()
        assert (key.kind, key.member_id) == (ApiKeyKind.PERSONAL, subject.actor_id)
        assert key.workspaces == [str(key.workspace_id)]
        assert subject.access.anywhere_mask == (
            Permission.CAMPAIGNS_READ.bit | Permission.CAMPAIGNS_SEND.bit
        )
        (event,) = await AuditEvent.filter(action="api_key.create")
        assert (event.actor_name, event.operation) == ("operator", "gatepost api-key create")

    acme.look(look)


def test_a_service_key_gets_a_role(acme: Gatepost) -> None:
    answer = created(acme, "--service", "--role", "Viewer", "--name", "Deploy", "--never")

    async def look() -> None:
        subject = await caller(answer["token"])
        assert subject.access.anywhere_mask == Permission.CAMPAIGNS_READ.bit
        key = await ApiKey.get()
        assert (key.name, key.expires_at) == ("Deploy", None)
        assert await Assignment.filter(principal_id=key.id).count() == 1

    acme.look(look)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--scope", "campaigns:rule"), "--scope: 'campaigns:rule' is no permission."),
        (("--scope", "members:remove"), "only if an owner says so explicitly"),
        (("--workspace", "nowhere"), "There is no such workspace"),
        (("--network", "home"), "networks: 'home' is no network"),
        (("--days", "3", "--never"), "expiresAt: Name an end, or never, not both."),
        (("--role", "Viewer"), "on a service key"),
    ],
)
def test_what_cannot_be_is_refused(acme: Gatepost, more: tuple[str, ...], said: str) -> None:
    result = acme.run(*OLGA, *READ, *more)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert keys(acme) == []


def test_an_owner_who_says_so_gets_scopes_that_administrate(acme: Gatepost) -> None:
    created(acme, "--scope", "members:read", "--administrative")
    assert keys(acme)[0].administrative


def test_keys_are_listed_shown_rotated_and_revoked(acme: Gatepost) -> None:
    made = created(acme, "--network", "192.0.2.0/24", "--documents", "required")
    (row,) = rows(acme, "--class", "unused")
    assert (row["prefix"], row["class"], row["state"]) == (made["prefix"], "unused", "live")
    assert (
        json.loads(
            acme.run("api-key", "list", "--org", "acme", "--class", "active", "--json").stdout
        )
        == []
    )

    shown = acme.json("api-key", "show", "--org", "acme", made["prefix"])
    assert shown["documents"] == "required"
    assert list(shown["networks"]) == ["192.0.2.0/24"]
    assert made["token"][31:] not in json.dumps(shown)

    rotated = acme.json("api-key", "rotate", "--org", "acme", made["token"], "--overlap-hours", "0")
    assert (rotated["prefix"], rotated["token"] != made["token"]) == (made["prefix"], True)

    acme.json("api-key", "revoke", "--org", "acme", made["prefix"], "--reason", "Leaked.")
    assert keys(acme)[0].end_reason is ApiKeyEnd.REVOKED
    assert rows(acme) == []
    assert (
        len(json.loads(acme.run("api-key", "list", "--org", "acme", "--all", "--json").stdout)) == 1
    )


def test_a_service_key_gets_a_new_sponsor(acme: Gatepost) -> None:
    made = created(acme, "--service")
    said = acme.json(
        "api-key", "sponsor", "--org", "acme", made["prefix"], "--email", "olga@acme.example"
    )
    assert said["kind"] == "service"


def test_another_organizations_key_is_not_found(acme: Gatepost) -> None:
    made = created(acme)
    acme.json(
        *("org", "create", "--slug", "beyond", "--name", "Beyond"),
        *("--plan", "starter", "--owner", "eve@beyond.example"),
    )
    for command in ("show", "rotate", "revoke"):
        said = acme.run("api-key", command, "--org", "beyond", made["prefix"])
        assert (said.exit_code, "There is no such API key" in said.stderr) == (1, True)
    assert keys(acme)[0].revoked_at is None


def test_scoped_keys_are_in_every_plan(gatepost: Gatepost) -> None:
    gatepost.json(
        *("org", "create", "--slug", "small", "--name", "Small"),
        *("--plan", "starter", "--owner", "olga@small.example"),
    )
    answer = gatepost.json(
        *("api-key", "create", "--org", "small", "--as", "olga@small.example", *READ)
    )
    assert gatepost.look(lambda: caller(answer["token"])).access.anywhere_mask

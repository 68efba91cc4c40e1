"""Sending servers: settings that are read and changed, and credentials that only go in."""

import asyncio

import pytest

from identity import sending_servers
from identity.access.permissions import Permission
from identity.refusals import BadInput, Forbidden, NotFound, VersionConflict
from identity.sending_servers import Settings
from identity.subject import Subject
from models import BuiltinRole, SendingServer
from models.secret import keyring
from tests.identity.refusing import outcome, refused, story
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

P = Permission
PASSWORD = "correct horse battery staple"


@pytest.fixture
async def admin(world: World) -> Subject:
    return await world.someone("Ada", BuiltinRole.ADMIN, at_workspace(world.a))


@pytest.fixture
async def server(world: World) -> SendingServer:
    """One with credentials, in workspace a."""
    row = SendingServer(workspace=world.a, name="Main", host="smtp.acme.example", username="acme")
    row.set_password("old password")
    await row.save(force_create=True)
    return row


async def test_a_server_is_added_without_credentials_with_its_audit_row(
    world: World, admin: Subject
) -> None:
    settings = Settings(name=" Main ", host="SMTP.Acme.Example", port=2525)
    added = await sending_servers.create(admin, world.a.id, settings)
    saved = await SendingServer.get(id=added.id)
    assert (saved.name, saved.host, saved.port) == ("Main", "smtp.acme.example", 2525)
    assert (saved.username, saved.password_encrypted, saved.password_fingerprint) == (
        "",
        None,
        None,
    )
    event = (await world.events())[-1]
    assert story(event) == ("Ada", "sending_server.create", "sending_server", "Main")
    assert (event.target_id, event.workspace_id) == (saved.id, world.a.id)
    assert event.diff == [
        {"path": "name", "before": None, "after": "Main"},
        {"path": "host", "before": None, "after": "smtp.acme.example"},
        {"path": "port", "before": None, "after": 2525},
        {"path": "username", "before": None, "after": ""},
    ]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (Settings(host="h"), "name"),
        (Settings(name="n"), "host"),
        (Settings(name="n", host="a\nb"), "host"),
        (Settings(name="n", host="x" * 254), "host"),
        (Settings(name="n", host="h", port=0), "port"),
        (Settings(name="n", host="h", port=65536), "port"),
    ],
    ids=["no name", "no host", "two lines", "long host", "port 0", "port 65536"],
)
async def test_bad_settings_are_refused_with_their_field(
    world: World, admin: Subject, settings: Settings, field: str
) -> None:
    async with refused(BadInput, field=field):
        await sending_servers.create(admin, world.a.id, settings)


async def test_a_new_host_drops_the_credentials(
    world: World, admin: Subject, server: SendingServer
) -> None:
    """Or whoever may edit the settings could have the password sent to a machine of their own."""
    fingerprint = server.password_fingerprint
    await sending_servers.update(
        admin, server.id, Settings(host="smtp.evil.example"), expected_version=1
    )
    saved = await SendingServer.get(id=server.id)
    assert (saved.host, saved.version) == ("smtp.evil.example", 2)
    assert (saved.username, saved.password_encrypted, saved.password_fingerprint) == (
        "",
        None,
        None,
    )
    event = (await world.events())[-1]
    assert story(event) == ("Ada", "sending_server.update", "sending_server", "Main")
    assert event.diff == [
        {"path": "host", "before": "smtp.acme.example", "after": "smtp.evil.example"},
        {"path": "username", "before": "acme", "after": ""},
        {"path": "passwordFingerprint", "before": fingerprint, "after": None},
    ]


async def test_the_same_host_keeps_the_credentials(
    world: World, admin: Subject, server: SendingServer
) -> None:
    settings = Settings(name="Renamed", host="SMTP.acme.example")
    await sending_servers.update(admin, server.id, settings, expected_version=1)
    saved = await SendingServer.get(id=server.id)
    assert (saved.name, saved.username) == ("Renamed", "acme")
    assert saved.password_encrypted is not None
    assert keyring.decrypt(saved.password_encrypted) == "old password"


async def test_credentials_go_in_and_only_their_fingerprint_comes_out(
    world: World, admin: Subject, server: SendingServer
) -> None:
    old = server.password_fingerprint
    await sending_servers.set_credentials(
        admin, server.id, username="acme-2", password=PASSWORD, expected_version=1
    )
    saved = await SendingServer.get(id=server.id)
    assert saved.password_encrypted is not None
    assert keyring.decrypt(saved.password_encrypted) == PASSWORD
    assert PASSWORD not in saved.password_encrypted
    assert saved.password_fingerprint == keyring.fingerprint(PASSWORD)
    event = (await world.events())[-1]
    assert story(event) == ("Ada", "sending_server.credentials", "sending_server", "Main")
    assert event.diff == [
        {"path": "username", "before": "acme", "after": "acme-2"},
        {"path": "passwordFingerprint", "before": old, "after": keyring.fingerprint(PASSWORD)},
    ]
    for row in await world.events():
        assert PASSWORD not in f"{row.diff} {row.reason} {row.target_name}"


async def test_writing_settings_is_not_setting_credentials(
    world: World, server: SendingServer
) -> None:
    role = await world.custom_role("Settings", P.SERVERS_WRITE)
    writer = await world.someone("Wes", role, at_workspace(world.a))
    async with refused(
        Forbidden, denied="sending_server.credentials", missing=["SERVERS_CREDENTIALS"]
    ):
        await sending_servers.set_credentials(
            writer, server.id, username="x", password=PASSWORD, expected_version=1
        )
    role = await world.custom_role("Credentials", P.SERVERS_CREDENTIALS)
    keeper = await world.someone("Kay", role, at_workspace(world.a))
    async with refused(Forbidden, denied="sending_server.update", missing=["SERVERS_WRITE"]):
        await sending_servers.update(keeper, server.id, Settings(port=1), expected_version=1)


async def test_using_a_server_is_not_changing_it(world: World, server: SendingServer) -> None:
    operator = await world.someone("Otto", BuiltinRole.OPERATOR, at_workspace(world.a))
    async with refused(Forbidden, denied="sending_server.update", missing=["SERVERS_WRITE"]):
        await sending_servers.update(operator, server.id, Settings(port=1), expected_version=1)
    async with refused(Forbidden, denied="sending_server.create", missing=["SERVERS_WRITE"]):
        await sending_servers.create(operator, world.a.id, Settings(name="n", host="h"))


@pytest.mark.parametrize(
    ("username", "password", "field"),
    [
        ("", "p", "username"),
        ("a\nb", "p", "username"),
        ("u", "", "password"),
        ("u", "x" * 1001, "password"),
        ("u", "p\r\nQUIT", "password"),
    ],
    ids=["no user", "two lines", "no password", "long password", "password of two lines"],
)
async def test_bad_credentials_are_refused_with_their_field(
    admin: Subject, server: SendingServer, username: str, password: str, field: str
) -> None:
    async with refused(BadInput, field=field):
        await sending_servers.set_credentials(
            admin, server.id, username=username, password=password, expected_version=1
        )


async def test_a_lost_race_is_refused(admin: Subject, server: SendingServer) -> None:
    async with refused(VersionConflict, expectedVersion=7, actualVersion=1):
        await sending_servers.update(admin, server.id, Settings(port=1), expected_version=7)
    async with refused(VersionConflict, expectedVersion=7, actualVersion=1):
        await sending_servers.set_credentials(
            admin, server.id, username="u", password="p", expected_version=7
        )


async def test_a_password_set_while_the_host_changes_never_goes_to_the_new_host(
    admin: Subject, server: SendingServer
) -> None:
    racing = [
        sending_servers.update(admin, server.id, Settings(host="evil.example"), expected_version=1),
        sending_servers.set_credentials(
            admin, server.id, username="u", password=PASSWORD, expected_version=1
        ),
    ]
    assert sorted(await asyncio.gather(*map(outcome, racing))) == ["CONFLICT", "DONE"]
    saved = await SendingServer.get(id=server.id)
    assert (saved.host == "evil.example") is (saved.password_encrypted is None)


async def test_what_is_not_seen_is_not_changed(world: World, admin: Subject) -> None:
    other = await new_world("globex")
    hidden = (await world.campaign(world.b)).sending_server_id
    foreign = (await other.campaign(other.a)).sending_server_id
    for server_id in (hidden, foreign, UNKNOWN_ID):
        assert server_id is not None
        async with refused(NotFound):
            await sending_servers.update(admin, server_id, Settings(port=1), expected_version=1)
        async with refused(NotFound):
            await sending_servers.set_credentials(
                admin, server_id, username="u", password="p", expected_version=1
            )
    for workspace_id in (world.b.id, other.a.id):
        async with refused(NotFound):
            await sending_servers.create(admin, workspace_id, Settings(name="n", host="h"))

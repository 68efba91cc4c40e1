"""Sending servers: SMTP settings, and credentials that only ever go in."""

from dataclasses import dataclass
from uuid import UUID

from identity import campaigns, creators, text
from identity.access import targets
from identity.access.compiled import Access
from identity.access.kinds import SENDING_SERVER
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.deleting import Deletion, deleted
from identity.editing import Edit, edited
from identity.refusals import BadInput
from identity.subject import Subject
from identity.writing import writing
from models.sending_server import SendingServer


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a server listens. For an edit, `None` leaves a part as it is."""

    name: str | None = None
    host: str | None = None
    port: int | None = None


async def create(subject: Subject, workspace_id: UUID, settings: Settings) -> SendingServer:
    """Add a server, without credentials yet. Raises `NotFound`, `Forbidden`, `BadInput`."""
    adding = creators.adding(SENDING_SERVER, workspace_id)
    async with writing(subject, Action.SENDING_SERVER_CREATE, changes_access=adding) as write:
        workspace = await targets.workspace(write.access, workspace_id, Permission.SERVERS_WRITE)
        server = SendingServer(workspace=workspace, name="", host="")
        _take(server, settings)
        await server.save(force_create=True)
        await write.record(target(server), changes({}, _facts(server)), workspace_id=workspace.id)
        await creators.give(write, SENDING_SERVER, server, by=Permission.SERVERS_WRITE)
    return server


async def update(
    subject: Subject,
    server_id: UUID,
    settings: Settings,
    *,
    expected_version: int,
    seen: SendingServer | None = None,
) -> SendingServer:
    """Change where a server listens. A stored password is dropped when the host changes, so that
    nobody can have it sent to a machine of their own.

    Raises `NotFound`, `Forbidden`, `BadInput`, `VersionConflict`. `seen` as in `editing.edited`.
    """

    async def decide(_: Access, server: SendingServer) -> None:
        host = server.host
        _take(server, settings)
        if server.host != host:
            server.username = ""
            server.password_encrypted = None
            server.password_fingerprint = None

    change = Edit(
        action=Action.SENDING_SERVER_UPDATE,
        model=SendingServer,
        permission=Permission.SERVERS_WRITE,
        expected_version=expected_version,
        facts=_facts,
        decide=decide,
        rests_on=(),
    )
    return await edited(subject, server_id, change, seen=seen)


async def set_credentials(
    subject: Subject,
    server_id: UUID,
    *,
    username: str,
    password: str,
    expected_version: int,
    seen: SendingServer | None = None,
) -> SendingServer:
    """Replace user name and password.

    Raises `NotFound`, `Forbidden`, `BadInput`, `VersionConflict`. `seen` as in `editing.edited`.
    """

    async def decide(_: Access, server: SendingServer) -> None:
        server.username = text.label(username, field="username", longest=320)
        server.set_password(text.secret(password, field="password"))

    change = Edit(
        action=Action.SENDING_SERVER_CREDENTIALS,
        model=SendingServer,
        permission=Permission.SERVERS_CREDENTIALS,
        expected_version=expected_version,
        facts=_facts,
        decide=decide,
        rests_on=(),
    )
    return await edited(subject, server_id, change, seen=seen)


async def delete(subject: Subject, server_id: UUID) -> SendingServer:
    """Delete a server with its credentials and what was assigned at it.

    Raises `NotFound`, `Forbidden`, and `InUse` while a campaign that is not over goes out through
    it.
    """
    deletion = Deletion(
        Action.SENDING_SERVER_DELETE,
        SENDING_SERVER,
        Permission.SERVERS_DELETE,
        _facts,
        lambda row: campaigns.let_go(sending_server_id=row.id),
    )
    return await deleted(subject, server_id, deletion)


def _take(server: SendingServer, settings: Settings) -> None:
    name = server.name if settings.name is None else settings.name
    host = server.host if settings.host is None else settings.host
    server.name = text.label(name, field="name")
    server.host = text.label(host, field="host", longest=253).lower()
    if settings.port is not None:
        server.port = settings.port
    if not 1 <= server.port <= 65535:
        raise BadInput("A port is a number from 1 to 65535.", field="port")


def _facts(server: SendingServer) -> dict[str, object]:
    return {
        "name": server.name,
        "host": server.host,
        "port": server.port,
        "username": server.username,
        "passwordFingerprint": server.password_fingerprint,
    }

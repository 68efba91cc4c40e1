"""Setting up an organization's identity providers, and offering them on the sign-in page."""

from urllib.parse import urlsplit

from identity import text
from identity.access.decision import ORGANIZATION
from identity.access.entitlements import Feature, plans
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import AuditTarget, target
from identity.refusals import BadInput, Conflict
from identity.sso.fetching import require_fetchable
from identity.sso.refused import SignInRefused
from identity.subject import Subject
from identity.writing import taken, writing
from models.connection import Connection, ConnectionProtocol, ConnectionStatus

LONGEST_ISSUER = 500


async def add_oidc(
    subject: Subject,
    *,
    name: str,
    issuer: str,
    client_id: str,
    client_secret: str,
    allow_loopback: bool = False,
) -> Connection:
    """Set up an OpenID provider, active at once.

    The issuer is kept as written, since the provider's own documents must name exactly it. Raises
    `Forbidden` without `identity:manage`, `PlanRequired`, `BadInput`, and `Conflict` for a name
    that is taken. The provider is first contacted when somebody signs in.
    """
    name = text.label(name, field="name", longest=100)
    issuer = _issuer(issuer, allow_loopback=allow_loopback)
    client_id = text.label(client_id, field="client_id", longest=300)
    client_secret = text.secret(client_secret, field="client_secret")
    async with writing(subject, Action.CONNECTION_CREATE) as write:
        write.about(AuditTarget("connection", None, name))
        write.access.require(Permission.IDENTITY_MANAGE, ORGANIZATION)
        plans.require(write.subject.plan, Feature.SSO)
        connection = Connection(
            organization_id=write.organization_id,
            name=name,
            protocol=ConnectionProtocol.OIDC,
            status=ConnectionStatus.ACTIVE,
            issuer=issuer,
            client_id=client_id,
        )
        connection.set_client_secret(client_secret)
        with taken(Conflict(f"There is a connection {name!r} already. Choose another name.")):
            await connection.save(force_create=True)
        await write.record(target(connection), changes({}, _facts(connection)))
    return connection


async def offered(slug: str) -> list[Connection]:
    """The active connections of the organization of that slug, by name.

    None for an unknown slug, as for an organization without any: a stranger sees no difference.
    """
    if not text.SLUG.fullmatch(slug):
        return []
    return await Connection.filter(
        organization__slug=slug, status=ConnectionStatus.ACTIVE
    ).order_by("name")


def _issuer(issuer: str, *, allow_loopback: bool) -> str:
    """An issuer identifier (OpenID Connect Discovery 1.0, section 3: no query, no fragment)."""
    try:
        require_fetchable(issuer, allow_loopback=allow_loopback)
    except SignInRefused as refused:
        raise BadInput(
            "The issuer is the https address of the provider, as it writes it itself.",
            field="issuer",
        ) from refused
    if urlsplit(issuer).query or len(issuer) > LONGEST_ISSUER:
        raise BadInput("The issuer has no query and at most 500 characters.", field="issuer")
    return issuer


def _facts(connection: Connection) -> dict[str, object]:
    return {
        "name": connection.name,
        "protocol": connection.protocol,
        "status": connection.status,
        "issuer": connection.issuer,
        "clientId": connection.client_id,
        "clientSecretFingerprint": connection.client_secret_fingerprint,
    }

"""The bearer tokens of directories."""

import secrets
from uuid import UUID

from identity.access.compiled import fixed_access
from identity.access.decision import ORGANIZATION
from identity.access.entitlements import Feature, plans
from identity.access.permissions import Permission, mask_of
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.refusals import BadInput, NotFound, Unauthenticated
from identity.subject import Origin, Subject
from identity.writing import writing
from models.audit_event import ActorType, ViaType
from models.clock import now
from models.organization import Plan
from models.scim_token import ScimToken
from models.secret import token_hash
from models.sql import Statement, as_uuid

PREFIX = "gp_scim_"
VISIBLE_LENGTH = len(PREFIX) + 6

PROVISIONING = mask_of(
    {Permission.MEMBERS_READ, Permission.MEMBERS_INVITE, Permission.MEMBERS_REMOVE}
)
"""What a directory may do: people come and go. Which roles its groups bring was decided by whoever
mapped them."""

_VALID = Statement("""
    SELECT t.id, t.name, t.organization_id, o.plan, o.access_revision
    FROM scim_tokens t JOIN organizations o ON o.id = t.organization_id
    WHERE t.token_hash = $1 AND t.revoked_at IS NULL
      AND (t.expires_at IS NULL OR t.expires_at > $2)
""")


async def create(subject: Subject, *, name: str) -> tuple[ScimToken, str]:
    """A new token, and its clear text, which is shown this once.

    Raises `Forbidden` without `identity:manage`, `PlanRequired` on a plan without SCIM.
    """
    if not name.strip():
        raise BadInput("Give the token a name, such as that of the directory.", field="name")
    async with writing(subject, Action.SCIM_TOKEN_CREATE) as write:
        write.access.require(Permission.IDENTITY_MANAGE, ORGANIZATION)
        plans.require(write.subject.plan, Feature.SCIM)
        clear = PREFIX + secrets.token_urlsafe(32)
        token = await ScimToken.create(
            organization_id=write.organization_id,
            name=name.strip(),
            prefix=clear[:VISIBLE_LENGTH],
            token_hash=token_hash(clear),
        )
        await write.record(target(token), changes({}, {"prefix": token.prefix}))
    return token, clear


async def revoke(subject: Subject, token_id: UUID) -> None:
    """End a token at once. Raises `NotFound` and `Forbidden`."""
    async with writing(subject, Action.SCIM_TOKEN_REVOKE) as write:
        write.access.require(Permission.IDENTITY_MANAGE, ORGANIZATION)
        token = await ScimToken.get_or_none(id=token_id, organization_id=write.organization_id)
        if token is None:
            raise NotFound("SCIM token")
        token.revoked_at = now()
        await token.save(update_fields=["revoked_at"])
        await write.record(target(token))


async def authenticate(clear: str, *, origin: Origin) -> Subject:
    """The subject of a directory's token. Raises `Unauthenticated` when it is unknown or over.

    Whether the plan still has SCIM is for the SCIM door, which answers it in its own words.
    """
    row = await _VALID.row(token_hash(clear), now())
    if row is None:
        raise Unauthenticated
    organization_id = as_uuid(row["organization_id"])
    return Subject(
        actor_type=ActorType.SCIM_TOKEN,
        actor_id=as_uuid(row["id"]),
        actor_name=row["name"],
        via=ViaType.SCIM_TOKEN,
        via_id=as_uuid(row["id"]),
        organization_id=organization_id,
        plan=Plan(row["plan"]),
        revision=int(row["access_revision"]),
        access=fixed_access(organization_id, PROVISIONING),
        origin=origin,
    )

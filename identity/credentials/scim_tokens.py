"""The bearer tokens of directories."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from identity import moments, text
from identity.access.compiled import fixed_access
from identity.access.decision import ORGANIZATION
from identity.access.entitlements import Feature, plans
from identity.access.permissions import Permission, mask_of
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.refusals import NotFound, Unauthenticated
from identity.subject import Origin, Subject
from identity.writing import writing
from models.audit_event import ActorType, ViaType
from models.clock import now
from models.organization import Plan
from models.scim_token import ScimToken
from models.secret import token_hash
from models.sql import Statement, as_optional_time, as_uuid

PREFIX = "gp_scim_"
VISIBLE_LENGTH = len(PREFIX) + 6

PROVISIONING = mask_of(
    {Permission.MEMBERS_READ, Permission.MEMBERS_INVITE, Permission.MEMBERS_REMOVE}
)
"""What a directory may do: people come and go. Which roles its groups bring was decided by whoever
mapped them."""

NAME_LENGTH = 100
LONGEST_TOKEN = 200
TOUCH_EVERY = timedelta(minutes=1)

_VALID = Statement("""
    SELECT t.id, t.name, t.prefix, t.organization_id, t.last_used_at, o.plan, o.access_revision
    FROM scim_tokens t JOIN organizations o ON o.id = t.organization_id
    WHERE t.token_hash = $1 AND t.revoked_at IS NULL
      AND (t.expires_at IS NULL OR t.expires_at > $2)
""")

_TOUCH = Statement("UPDATE scim_tokens SET last_used_at = $2 WHERE id = $1")


async def create(
    subject: Subject, *, name: str, expires_at: datetime | None = None
) -> tuple[ScimToken, str]:
    """A new token, and its clear text, which is shown this once.

    Raises `Forbidden` without `identity:manage`, `PlanRequired` on a plan without SCIM, `BadInput`
    for an expiry in the past or without a time zone.
    """
    name = text.label(name, field="name", longest=NAME_LENGTH)
    if expires_at is not None:
        expires_at = moments.future(expires_at, what="expiry", field="expiresAt")
    async with writing(subject, Action.SCIM_TOKEN_CREATE) as write:
        write.access.require(Permission.IDENTITY_MANAGE, ORGANIZATION)
        plans.require(write.subject.plan, Feature.SCIM)
        clear = PREFIX + secrets.token_urlsafe(32)
        token = await ScimToken.create(
            organization_id=write.organization_id,
            name=name,
            prefix=clear[:VISIBLE_LENGTH],
            token_hash=token_hash(clear),
            expires_at=expires_at,
        )
        facts = {"prefix": token.prefix, "expiresAt": token.expires_at}
        await write.record(target(token), changes({}, facts))
    return token, clear


async def by_prefix(subject: Subject, prefix: str) -> ScimToken:
    """The token of the organization whose visible beginning this is; a whole token will do.

    Raises `Forbidden` without `identity:read`, and `NotFound`.
    """
    subject.access.require(Permission.IDENTITY_READ, ORGANIZATION)
    token = await ScimToken.get_or_none(
        prefix=prefix[:VISIBLE_LENGTH], organization_id=subject.organization_id, revoked_at=None
    )
    if token is None:
        raise NotFound("SCIM token")
    return token


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
    moment = now()
    row = await _VALID.row(token_hash(clear), moment) if len(clear) <= LONGEST_TOKEN else None
    if row is None:
        raise Unauthenticated(
            "This SCIM token is not valid, or no longer. Make a new one in the organization."
        )
    used = as_optional_time(row["last_used_at"])
    if used is None or used <= moment - TOUCH_EVERY:
        await _TOUCH.execute(row["id"], moment)
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
        via_name=row["prefix"],
    )

"""Making, changing, rotating and ending keys."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from identity import assignments, role_versions, text
from identity.access.bounds import (
    ADMINISTRATIVE_MASK,
    Bounds,
    bounds_of,
    read_bounded_access,
)
from identity.access.decision import Target
from identity.access.lookup import Place
from identity.access.permissions import (
    Permission,
    mask_of,
)
from identity.api_keys import checking
from identity.api_keys.reading import API_KEY
from identity.api_keys.wanted import Expiry, KeyChange, Limit, NewKey
from identity.assignments import Principal
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import AuditTarget, target
from identity.credentials.key_tokens import minted
from identity.facts import Fact, Kind, announce
from identity.refusals import BadInput, Conflict, Forbidden, NotFound
from identity.subject import Subject
from identity.writing import Write, require_version, writing
from models import rows
from models.api_key import ApiKey, ApiKeyEnd, ApiKeyKind
from models.assignment import PrincipalType
from models.audit_event import ViaType
from models.clock import now
from models.secret import token_hash

NAME_LENGTH = 100
DEFAULT_OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=7)


async def create(subject: Subject, new: NewKey) -> tuple[ApiKey, str]:
    """A new key, and its clear text, which is shown this once.

    A personal key is one's own; the operator makes it for a member. Raises `Forbidden` without
    `api_keys:create` where the key is at home, and for what only an owner does: a key that never
    ends, and one that administrates; `Escalation` for scopes that its owner, or whoever makes a
    service key, does not hold at each of its places; `NotFound` for what is not seen of these, and
    `BadInput`.
    """
    name = text.label(new.name, field="name", longest=NAME_LENGTH)
    service = new.kind is ApiKeyKind.SERVICE
    with_role = new.role_id is not None
    if with_role != (new.role_at is not None) or (with_role and not service):
        raise BadInput("A role and its place belong together, on a service key.", field="roleId")
    async with writing(subject, Action.API_KEY_CREATE, exclusive=with_role) as write:
        write.about(AuditTarget("api_key", None, name))
        member = await checking.answering(write, new, service=service)
        giver = write.access
        if write.by_operator and not service:
            giver = await checking.access_of(write, member)
        bounds = await checking.bounds_wanted(giver, new)
        write.access.require(Permission.API_KEYS_CREATE, Target(bounds.home))
        key = _row(new, bounds, name=name)
        key.organization_id, key.member_id = write.organization_id, member.id
        key.expires_at = checking.expires_at(write, new.expiry)
        checking.require_scopes(write, giver, key, bounds.mask, administrative=new.administrative)
        clear = minted(key.id)
        key.secret_hash = token_hash(clear)
        await rows.insert(key)
        await write.record(
            target(key), changes({}, checking.facts(key)), workspace_id=key.workspace_id
        )
        if new.role_id is not None and new.role_at is not None:
            principal = Principal(PrincipalType.API_KEY, key.id)
            await assignments.assign(
                write.subject, role_id=new.role_id, principal=principal, scope=new.role_at
            )
    return key, clear


def _row(new: NewKey, bounds: Bounds, *, name: str) -> ApiKey:
    """What is asked for as a row, without owner, end and secret."""
    workspaces, resources = bounds.workspaces, bounds.resources
    return ApiKey(
        kind=new.kind,
        workspace_id=bounds.home,
        name=name,
        scopes=role_versions.names(new.scopes),
        administrative=new.administrative and bool(bounds.mask & ADMINISTRATIVE_MASK),
        workspaces=None if workspaces is None else sorted(map(str, workspaces)),
        resources=None if resources is None else [each.stored() for each in resources],
        networks=checking.networks(new.limits.networks),
        document_mode=new.limits.document_mode,
        rate_limit=checking.rate_limit(new.limits.rate_limit),
    )


async def update(
    subject: Subject, key_id: UUID, change: KeyChange, *, expected_version: int
) -> ApiKey:
    """Change what a key is called, carries and is limited to. Where it holds stays.

    Raises `NotFound`, `Forbidden`, `Escalation` for scopes that are added, `BadInput`,
    `VersionConflict`, and `Conflict` for a key that is over.
    """
    async with writing(subject, Action.API_KEY_UPDATE, changes_access=True) as write:
        key = await _live(write, key_id, Permission.API_KEYS_CREATE)
        require_version(key, expected_version)
        since, before = rows.contents(key), checking.facts(key)
        await _change(write, key, change)
        diff = changes(before, checking.facts(key))
        if not diff:
            write.changes_access = False
            return key
        key.touch()
        await rows.update(key, since)
        await announce(Fact(Kind.SESSION, write.organization_id, key.id))
        await write.record(target(key), diff, workspace_id=key.workspace_id)
    return key


async def rotate(
    subject: Subject,
    key_id: UUID,
    *,
    overlap: timedelta = DEFAULT_OVERLAP,
    expiry: Expiry | None = None,
) -> tuple[ApiKey, str]:
    """A new secret for a key, and its clear text, which is shown this once. The one before is good
    for the overlap, and what was before that one is over. With `expiry`, the key ends then instead.

    Raises `NotFound`, `Forbidden` (also for the personal key of somebody else, which can only be
    ended), `Escalation` for a key that carries more than the subject holds, `BadInput`, and
    `Conflict` for a key that is over.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        hours = LONGEST_OVERLAP // timedelta(hours=1)
        raise BadInput(f"The overlap is between 0 and {hours} hours.", field="overlapHours")
    async with writing(subject, Action.API_KEY_ROTATE, exclusive=True) as write:
        key = await _live(write, key_id, Permission.API_KEYS_ROTATE)
        await _require_taking_over(write, key)
        since, before = rows.contents(key), checking.facts(key)
        if expiry is not None:
            key.expires_at = checking.expires_at(write, expiry)
        clear, moment = minted(key.id), now()
        key.previous_hash = key.secret_hash if overlap else None
        key.previous_until = moment + overlap if overlap else None
        key.secret_hash = token_hash(clear)
        key.touch()
        await rows.update(key, since)
        await announce(Fact(Kind.SESSION, write.organization_id, key.id))
        diff = changes(
            {**before, "previousSecretUntil": None},
            {**checking.facts(key), "previousSecretUntil": key.previous_until},
        )
        await write.record(target(key), diff, workspace_id=key.workspace_id)
    return key, clear


async def revoke(subject: Subject, key_id: UUID, *, reason: str | None = None) -> ApiKey:
    """End a key at once, with the roles that it was given. One's own needs no permission.

    Raises `NotFound`, `Forbidden`, and `Conflict` for a key that was ended before.
    """
    return await _ended(subject, key_id, reason, only_own=False)


async def revoke_own(subject: Subject, key_id: UUID, *, reason: str | None = None) -> ApiKey:
    """The same of a personal key of the person who calls; any other is `NotFound`."""
    return await _ended(subject, key_id, reason, only_own=True)


async def _ended(subject: Subject, key_id: UUID, reason: str | None, *, only_own: bool) -> ApiKey:
    reason = text.optional_prose(reason, field="reason", longest=assignments.REASON_LENGTH)
    async with writing(subject, Action.API_KEY_REVOKE, changes_access=True) as write:
        key = await _managed(write, key_id, Permission.API_KEYS_REVOKE, only_own=only_own)
        if key.revoked_at is not None:
            raise Conflict(f"{key.name} was ended already.")
        since, before = rows.contents(key), checking.facts(key)
        await assignments.delete_of_principal(write, key.id, reason="The API key was revoked.")
        key.revoked_at, key.end_reason = now(), ApiKeyEnd.REVOKED
        key.previous_hash = key.previous_until = None
        key.touch()
        await rows.update(key, since)
        await announce(Fact(Kind.SESSION, write.organization_id, key.id))
        await write.record(
            target(key), changes(before, {}), workspace_id=key.workspace_id, reason=reason
        )
    return key


async def _managed(
    write: Write, key_id: UUID, permission: Permission, *, only_own: bool = False
) -> ApiKey:
    """A key that the subject may do this with. Of one's own key a person needs `api_keys:create`,
    and to end it, nothing.
    """
    key = await ApiKey.get_or_none(id=key_id, organization_id=write.organization_id)
    own = key is not None and _is_own(write.subject, key)
    if only_own and not own:
        raise NotFound("API key of yours")
    if key is None or not own:
        key = await API_KEY.find(write.access, key_id, locked=True)
    write.about(target(key), workspace_id=key.workspace_id)
    if own and permission is not Permission.API_KEYS_REVOKE:
        permission = Permission.API_KEYS_CREATE
    if not own or permission is not Permission.API_KEYS_REVOKE:
        write.access.require(permission, Place.WITHIN.target_of(key))
    return key


def _is_own(subject: Subject, key: ApiKey) -> bool:
    """Whether a person calls, and not one of their keys, and owns it."""
    person = subject.member_id if subject.via is not ViaType.API_KEY else None
    return key.kind is ApiKeyKind.PERSONAL and person is not None and key.member_id == person


async def _live(write: Write, key_id: UUID, permission: Permission) -> ApiKey:
    """The same of a key that is not over, and not the personal one of somebody else: to change that
    is to act as them.
    """
    key = await _managed(write, key_id, permission)
    of_another = key.kind is ApiKeyKind.PERSONAL and key.member_id != write.subject.member_id
    if of_another and not write.by_operator:
        raise Forbidden(
            "Only its owner changes a personal key. You can revoke it.",
            reason="PERSONAL_KEY",
            missing=[],
        )
    if key.is_over(now()):
        raise Conflict(f"{key.name} is over. Make a new key.")
    return key


async def _require_taking_over(write: Write, key: ApiKey) -> None:
    """Raise `Escalation` unless the subject holds, for as long, all that the key carries now: its
    new secret is theirs to use. `Conflict` for the key of somebody who is not active.
    """
    carried = await read_bounded_access(write.organization_id, key.id, write.subject.plan)
    if carried is None:
        raise Conflict("Its owner is not active.")
    if not _is_own(write.subject, key):
        for grant in carried.grants:
            at = Place.SCOPE.target_of(grant)
            write.access.require_holding(grant.mask, at, until=grant.expires_at)


async def _change(write: Write, key: ApiKey, change: KeyChange) -> None:
    if change.name is not None:
        key.name = text.label(change.name, field="name", longest=NAME_LENGTH)
    if change.scopes is not None:
        await _change_scopes(write, key, change.scopes, change.administrative)
    if change.networks is not None:
        key.networks = checking.networks(change.networks)
    if change.document_mode is not None:
        key.document_mode = change.document_mode
    if change.rate_limit is not None:
        key.rate_limit = checking.rate_limit(change.rate_limit)
    if Limit.DOCUMENT_MODE in change.lifted:
        key.document_mode = None
    if Limit.RATE_LIMIT in change.lifted:
        key.rate_limit = None
    if change.expiry is not None:
        key.expires_at = checking.expires_at(write, change.expiry)
    if change.sponsor_id is not None:
        await _change_sponsor(write, key, change.sponsor_id)


async def _change_scopes(
    write: Write, key: ApiKey, scopes: Sequence[Permission], administrative: bool | None
) -> None:
    before = bounds_of(key)
    wanted, allowed = mask_of(scopes), bool(administrative) or key.administrative
    giver = write.access
    if write.by_operator and key.kind is ApiKeyKind.PERSONAL:
        giver = await checking.access_of(
            write, await checking.active_member(write, key.member_id, field="keyId")
        )
    key.scopes = role_versions.names(scopes)
    key.administrative = allowed and bool(wanted & ADMINISTRATIVE_MASK)
    checking.require_scopes(
        write, giver, key, wanted, administrative=allowed, added=wanted & ~before.mask
    )


async def _change_sponsor(write: Write, key: ApiKey, sponsor_id: UUID) -> None:
    if key.kind is not ApiKeyKind.SERVICE:
        raise BadInput("A personal key has an owner, and no sponsor.", field="sponsorId")
    checking.require_owner(write)
    sponsor = await checking.active_member(write, sponsor_id, field="sponsorId")
    key.member_id = sponsor.id

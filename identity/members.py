"""Members: people in an organization, as its directory or its owners know them.

What takes access away (suspension, removal, leaving) ends the sessions, and what would start one,
in the same transaction. Who takes a member out takes all their roles, and who brings one back gives
them: both need what those roles hold. A directory needs nothing of it, since it says who belongs to
the organization, and not what they may do there.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from identity import assignments, text
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.lookup import Lookup, Place, seen_with
from identity.access.permissions import Permission
from identity.api_keys.ending import end_of_member as end_keys
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.credentials import sessions
from identity.owners import is_owner
from identity.refusals import Conflict, Forbidden, NotFound
from identity.seats import require_seat
from identity.sso import attempts
from identity.subject import Subject
from identity.writing import Write, require_version, taken, writing
from models.api_key import ApiKeyEnd
from models.audit_event import ActorType
from models.clock import now
from models.listing import Listing, Rows
from models.member import Member, MemberStatus, SuspendedBy
from models.session import EndReason
from models.sql import Statement, as_uuid
from models.user import User

NAME_LENGTH = 200
DIRECTORY_MANAGED = "DIRECTORY_MANAGED"
"""The reason of a refusal: what is asked for is a directory's to do."""

_LEAVE_GROUPS = Statement("""
    UPDATE groups SET version = version + 1, updated_at = $2
    WHERE id IN (SELECT group_id FROM group_members WHERE member_id = $1)
    RETURNING id, name
""")

_NOT_PROVISIONED = (
    "No directory provisioned this member, so userName and the primary email stay as they are. "
    "Send them unchanged, or delete the user and provision the person anew."
)


@dataclass(frozen=True, slots=True)
class Person:
    """What a directory says of a person; `None` is what it says nothing about.

    Without a word on `name` or `active` a new person is called by the user name and is active, and
    a known one stays as they are. `scim` holds the attributes that have no column, `scim_keys` the
    same as filters compare them.
    """

    user_name: str
    email: str
    name: str | None
    active: bool | None
    external_id: str | None
    scim: dict[str, Any]
    scim_keys: dict[str, Any]


MEMBER = Lookup(
    Member,
    "member",
    Place.ORGANIZATION,
    seen_with(Permission.MEMBERS_READ),
)


def listing(access: Access) -> Listing:
    """The members of the organization, newest first.

    Raises `Forbidden` without `members:read` at the organization.
    """
    access.require(Permission.MEMBERS_READ, ORGANIZATION)
    return Rows(Member, {"organization_id": access.organization_id})


async def provision(subject: Subject, person: Person) -> Member:
    """Add a person with an account of their own, active or suspended as the directory says.

    Raises `Forbidden`, `BadInput`, `PlanRequired` when no seat is left for an active one, and
    `Conflict` when the user name is taken in the organization.
    """
    async with writing(subject, Action.MEMBER_PROVISION, exclusive=True) as write:
        write.access.require(Permission.MEMBERS_INVITE, ORGANIZATION)
        if person.active is not False:
            await require_seat(write)
        member = Member(
            organization_id=write.organization_id,
            name=person.user_name[:NAME_LENGTH],
            provisioned=True,
        )
        _take(member, person)
        member.user = await User.create(email=member.email, name=member.name)
        if person.active is False:
            member.suspend(SuspendedBy.DIRECTORY)
        member.updated_at = member.created_at
        with taken(_user_name_taken(member)):
            await member.save(force_create=True)
        await write.record(target(member), changes({}, _facts(member)))
    return member


async def update(subject: Subject, member_id: UUID, person: Person) -> Member:
    """Make a member what the directory now says, including whether they are active.

    What it says of that stands beside what an administrator did: neither lifts the other's
    suspension. What changes nothing writes nothing.
    Raises `NotFound`, `Forbidden` (also for another user name or address of a member whom no
    directory provisioned), `BadInput`, `Conflict` for a taken user name, `LastOwner`, and
    `PlanRequired` when no seat is left for whom it brings back.
    """
    async with writing(subject, Action.MEMBER_UPDATE, changes_access=True) as write:
        member = await _found(write, member_id)
        write.access.require(Permission.MEMBERS_INVITE, ORGANIZATION)
        before, called = _facts(member), _called(member)
        _take(member, person)
        if not member.provisioned and _called(member) != called:
            raise Forbidden(_NOT_PROVISIONED, reason="NOT_PROVISIONED")
        status = member.status
        _follow(write, member, person.active)
        write.changes_access = member.status is not status
        if write.changes_access and member.status is MemberStatus.ACTIVE:
            await require_seat(write)
        diff = changes(before, _facts(member))
        if not diff:
            return member
        if write.action is Action.MEMBER_SUSPEND:
            await _sign_out(member)
        member.touch()
        with taken(_user_name_taken(member)):
            await member.save()
        await write.record(target(member), diff)
    return member


async def rename(subject: Subject, member_id: UUID, *, name: str, expected_version: int) -> Member:
    """Call a member by another name.

    Raises `NotFound`, `Forbidden` (also where a directory says what they are called), `BadInput`
    and `VersionConflict`.
    """
    name = text.label(name, field="name", longest=NAME_LENGTH)
    async with writing(subject, Action.MEMBER_UPDATE) as write:
        member = await _found(write, member_id)
        write.access.require(Permission.MEMBERS_INVITE, ORGANIZATION)
        if member.provisioned:
            raise Forbidden(
                f"A directory says what {member.name} is called. Change it there.",
                reason=DIRECTORY_MANAGED,
                missing=[],
            )
        require_version(member, expected_version)
        before = _facts(member)
        member.name = name
        member.touch()
        await member.save()
        await write.record(target(member), changes(before, _facts(member)))
    return member


async def suspend(subject: Subject, member_id: UUID, *, reason: str | None = None) -> Member:
    """Take a member's access until somebody with the right to it gives it back: also of one whom a
    directory keeps out, so that it does not bring them back alone.

    Raises `NotFound`, `Forbidden` (also to suspend oneself), `Escalation`, `LastOwner`, and
    `Conflict` for a member who is suspended so already.
    """
    reason = text.optional_prose(reason, field="reason", longest=assignments.REASON_LENGTH)
    async with writing(subject, Action.MEMBER_SUSPEND, changes_access=True) as write:
        member = await _taken_out(write, member_id)
        if SuspendedBy.ADMIN in member.suspended_by:
            raise Conflict(f"{member.name} is suspended already.")
        before = _facts(member)
        write.changes_access = member.status is MemberStatus.ACTIVE
        member.suspend(SuspendedBy.ADMIN)
        ended = "The member was suspended."
        await end_keys(write, member, ApiKeyEnd.SUSPENDED, reason=ended)
        await _sign_out(member)
        member.touch()
        await member.save()
        await write.record(target(member), changes(before, _facts(member)), reason=reason)
    return member


async def reactivate(subject: Subject, member_id: UUID) -> Member:
    """Give a suspended member the access back that their roles hold now.

    Whom a directory suspended, a directory brings back, or the operator: one whom both keep out
    stays suspended until it does. Raises `NotFound`, `Forbidden`, `Escalation`, `PlanRequired` when
    no seat is left, and `Conflict` for a member who is not suspended.
    """
    async with writing(subject, Action.MEMBER_REACTIVATE, changes_access=True) as write:
        member = await _found(write, member_id)
        write.access.require(Permission.MEMBERS_INVITE, ORGANIZATION)
        if member.status is not MemberStatus.SUSPENDED:
            raise Conflict(f"{member.name} is not suspended.")
        lifted = set(SuspendedBy) if write.by_operator else {SuspendedBy.ADMIN}
        if not lifted & member.suspended_by:
            raise Forbidden(
                f"A directory suspended {member.name}, and only a directory brings them back.",
                reason=DIRECTORY_MANAGED,
                missing=[],
            )
        await assignments.require_giving(write, member)
        before = _facts(member)
        member.lift(*lifted)
        write.changes_access = not member.suspended_by
        if not member.suspended_by:
            await require_seat(write)
        member.touch()
        await member.save()
        await write.record(target(member), changes(before, _facts(member)))
    return member


async def remove(subject: Subject, member_id: UUID, *, reason: str | None = None) -> Member:
    """Take a member out: sessions end, assignments go; the account stays for other organizations.

    Raises `NotFound`, `Forbidden` (also to remove oneself), `Escalation`, `LastOwner`.
    """
    reason = text.optional_prose(reason, field="reason", longest=assignments.REASON_LENGTH)
    async with writing(subject, Action.MEMBER_REMOVE, changes_access=True) as write:
        member = await _taken_out(write, member_id)
        lost = await _delete(write, member, reason="The member was removed.")
        await write.record(target(member), changes(lost, {}), reason=reason)
    return member


async def leave(subject: Subject, organization_id: UUID) -> Member:
    """Leave the organization, which is named so that nobody leaves another one than they mean.

    Raises `NotFound` for another organization than the subject's, or a subject that is no member,
    and `Forbidden` for an owner, who steps down first.
    """
    async with writing(subject, Action.MEMBER_LEAVE, changes_access=True) as write:
        if organization_id != write.organization_id:
            raise NotFound("organization")
        if write.subject.by_key:
            raise Forbidden("A key takes nobody out.", reason="BY_KEY", missing=[])
        member = await Member.get_or_none(
            id=write.subject.member_id, organization_id=write.organization_id
        )
        if member is None:
            raise NotFound("member")
        write.about(target(member))
        if is_owner(write.subject):
            raise Forbidden(
                "You own the organization. Step down first: give the role Owner back.",
                reason="OWNER",
                missing=[],
            )
        lost = await _delete(write, member, reason="The member left.")
        await write.record(target(member), changes(lost, {}))
    return member


async def _taken_out(write: Write, member_id: UUID) -> Member:
    """The member, whom the subject may suspend and remove."""
    member = await _found(write, member_id)
    write.access.require(Permission.MEMBERS_REMOVE, ORGANIZATION)
    if member.id == write.subject.member_id:
        raise Forbidden(
            "You cannot suspend or remove yourself. Leave the organization instead.",
            reason="YOURSELF",
            missing=[],
        )
    if write.subject.actor_type is not ActorType.SCIM_TOKEN:
        await assignments.require_taking(write, member)
    return member


async def _delete(write: Write, member: Member, *, reason: str) -> dict[str, object]:
    """Delete the membership with what hangs on it, and an account that nothing needs any more. What
    the audit log tells of the member, and of the groups that they were in.
    """
    await assignments.delete_of_principal(write, member.id, reason=reason)
    await end_keys(write, member, ApiKeyEnd.LEFT, reason=reason)
    left = await _LEAVE_GROUPS.all_returned(member.id, now())
    await member.delete()
    if not await Member.exists(user_id=member.user_id):
        await User.filter(id=member.user_id).delete()
    return {
        **_facts(member),
        "groups": frozenset(group["name"] for group in left),
        "groupIds": frozenset(as_uuid(group["id"]) for group in left),
    }


async def _sign_out(member: Member) -> None:
    """End the member's sessions, and every sign-in under way that would start one."""
    await sessions.end_of(member, EndReason.SUSPENDED)
    await attempts.end_of(member.id)


async def _found(write: Write, member_id: UUID) -> Member:
    member = await MEMBER.find(write.access, member_id)
    write.about(target(member))
    return member


def _take(member: Member, person: Person) -> None:
    member.user_name = text.given(person.user_name, field="userName", longest=320)
    member.user_name_key = text.key(member.user_name)
    member.email = text.given(person.email, field="emails", longest=320)
    member.email_key = text.key(member.email)
    if person.name is not None:
        member.name = text.label(person.name, field="displayName", longest=NAME_LENGTH)
    if person.external_id is not None:
        text.given(person.external_id, field="externalId", longest=320)
    member.external_id = person.external_id
    member.scim, member.scim_keys = person.scim, person.scim_keys


def _called(member: Member) -> tuple[str, str]:
    """What signing in compares: whoever may change it decides whose account it is."""
    return member.user_name_key, member.email_key


def _follow(write: Write, member: Member, active: bool | None) -> None:
    """Suspend or bring back as the directory says."""
    if active is False and not member.suspended_by_directory:
        write.access.require(Permission.MEMBERS_REMOVE, ORGANIZATION)
        member.suspend(SuspendedBy.DIRECTORY)
        write.action = Action.MEMBER_SUSPEND
    elif active and member.suspended_by_directory:
        member.lift(SuspendedBy.DIRECTORY)
        write.action = Action.MEMBER_REACTIVATE


def _user_name_taken(member: Member) -> Conflict:
    return Conflict(f"The userName {member.user_name!r} is taken in this organization.")


def _facts(member: Member) -> dict[str, object]:
    return {
        "userName": member.user_name,
        "email": member.email,
        "name": member.name,
        "externalId": member.external_id,
        "status": member.status,
        "suspendedBy": member.suspended_by or None,
        **{f"scim.{name}": value for name, value in (member.scim or {}).items()},
    }

"""Members: people in an organization, as its directory or its owners know them.

What takes access away (suspension, removal) ends the sessions, and what would start one, in the
same transaction.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from identity import assignments, text
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.lookup import Lookup, Place
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.credentials import sessions
from identity.refusals import Conflict, Forbidden
from identity.sso import attempts
from identity.subject import Subject
from identity.writing import Write, taken, writing
from models.clock import now
from models.listing import Listing, Rows
from models.member import Member, MemberStatus, SuspendedBy
from models.session import EndReason
from models.sql import Statement
from models.user import User

NAME_LENGTH = 200

_LEAVE_GROUPS = Statement("""
    UPDATE groups SET version = version + 1, updated_at = $2
    WHERE id IN (SELECT group_id FROM group_members WHERE member_id = $1)
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
    lambda access, target: access.allows(Permission.MEMBERS_READ, target),
)


def listing(access: Access) -> Listing:
    """The members of the organization, newest first.

    Raises `Forbidden` without `members:read` at the organization.
    """
    access.require(Permission.MEMBERS_READ, ORGANIZATION)
    return Rows(Member, {"organization_id": access.organization_id})


async def provision(subject: Subject, person: Person) -> Member:
    """Add a person with an account of their own, active or suspended as the directory says.

    Raises `Forbidden`, `BadInput`, and `Conflict` when the user name is taken in the organization.
    """
    async with writing(subject, Action.MEMBER_PROVISION) as write:
        write.access.require(Permission.MEMBERS_INVITE, ORGANIZATION)
        member = Member(
            organization_id=write.organization_id,
            name=person.user_name[:NAME_LENGTH],
            provisioned=True,
        )
        _take(member, person)
        member.user = await User.create(email=member.email, name=member.name)
        if person.active is False:
            _suspend(member)
        member.updated_at = member.created_at
        with taken(_user_name_taken(member)):
            await member.save(force_create=True)
        await write.record(target(member), changes({}, _facts(member)))
    return member


async def update(subject: Subject, member_id: UUID, person: Person) -> Member:
    """Make a member what the directory now says, including whether they are active.

    A directory brings back only whom a directory suspended. What changes nothing writes nothing.
    Raises `NotFound`, `Forbidden` (also for another user name or address of a member whom no
    directory provisioned), `BadInput`, `Conflict` for a taken user name, and `LastOwner`.
    """
    async with writing(subject, Action.MEMBER_UPDATE, changes_access=True) as write:
        member = await _found(write, member_id)
        write.access.require(Permission.MEMBERS_INVITE, ORGANIZATION)
        before, called = _facts(member), _called(member)
        _take(member, person)
        if not member.provisioned and _called(member) != called:
            raise Forbidden(_NOT_PROVISIONED, reason="NOT_PROVISIONED")
        write.changes_access = _follow(write, member, person.active)
        diff = changes(before, _facts(member))
        if not diff:
            return member
        if write.action is Action.MEMBER_SUSPEND:
            await sessions.end_of(member, EndReason.SUSPENDED)
            await attempts.end_of(member.id)
        member.touch()
        with taken(_user_name_taken(member)):
            await member.save()
        await write.record(target(member), diff)
    return member


async def remove(subject: Subject, member_id: UUID) -> None:
    """Take a member out: sessions end, assignments go; the account stays for other organizations.

    Raises `NotFound`, `Forbidden`, `LastOwner`.
    """
    async with writing(subject, Action.MEMBER_REMOVE, changes_access=True) as write:
        member = await _found(write, member_id)
        write.access.require(Permission.MEMBERS_REMOVE, ORGANIZATION)
        await assignments.delete_of_principal(write.organization_id, member.id)
        await _LEAVE_GROUPS.execute(member.id, now())
        await member.delete()
        if not await Member.exists(user_id=member.user_id):
            await User.filter(id=member.user_id).delete()
        await write.record(target(member), changes(_facts(member), {}))


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


def _follow(write: Write, member: Member, active: bool | None) -> bool:
    """Suspend or bring back as the directory says; whether that changes anything."""
    if active is False and member.status is not MemberStatus.SUSPENDED:
        write.access.require(Permission.MEMBERS_REMOVE, ORGANIZATION)
        _suspend(member)
        write.action = Action.MEMBER_SUSPEND
        return True
    if active and member.suspended_by is SuspendedBy.DIRECTORY:
        member.status, member.suspended_by = MemberStatus.ACTIVE, None
        write.action = Action.MEMBER_REACTIVATE
        return True
    return False


def _suspend(member: Member) -> None:
    member.status = MemberStatus.SUSPENDED
    member.suspended_by = SuspendedBy.DIRECTORY


def _user_name_taken(member: Member) -> Conflict:
    return Conflict(f"The userName {member.user_name!r} is taken in this organization.")


def _facts(member: Member) -> dict[str, object]:
    return {
        "userName": member.user_name,
        "email": member.email,
        "name": member.name,
        "externalId": member.external_id,
        "status": member.status,
        **{f"scim.{name}": value for name, value in (member.scim or {}).items()},
    }

"""Members: people in an organization, as its directory or its owners know them.

What takes access away (suspension, removal) ends the sessions in the same transaction.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from identity import assignments, text
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.credentials import sessions
from identity.refusals import Conflict, NotFound
from identity.subject import Subject
from identity.writing import Write, writing
from models.member import Member, MemberStatus, SuspendedBy
from models.session import EndReason
from models.user import User


@dataclass(frozen=True, slots=True)
class Person:
    """What a directory says of a person. `scim` holds the attributes that have no column."""

    user_name: str
    email: str
    name: str
    active: bool
    external_id: str | None
    scim: dict[str, Any]


async def visible(access: Access) -> list[Member]:
    """Everybody in the organization, by name; none without `members:read` at the organization."""
    if not access.allows(Permission.MEMBERS_READ, ORGANIZATION):
        return []
    return await Member.filter(organization_id=access.organization_id).order_by("name", "id")


async def provision(subject: Subject, person: Person) -> Member:
    """Add a person with an account of their own, active or suspended as the directory says.

    Raises `Forbidden`, `BadInput`, and `Conflict` when the user name is taken in the organization.
    """
    async with writing(subject, Action.MEMBER_PROVISION) as write:
        write.access.require(Permission.MEMBERS_INVITE, ORGANIZATION)
        await _require_free_user_name(write.organization_id, person.user_name)
        user = await User.create(email=person.email, name=person.name)
        member = Member(organization_id=write.organization_id, user=user)
        _take(member, person)
        if not person.active:
            _suspend(member)
        await member.save(force_create=True)
        await write.record(target(member), changes({}, _facts(member)))
    return member


async def update(subject: Subject, member_id: UUID, person: Person) -> Member:
    """Make a member what the directory now says, including whether they are active.

    A directory brings back only whom a directory suspended. Raises `NotFound`, `Forbidden`,
    `BadInput`, `Conflict` for a taken user name, and `LastOwner`.
    """
    async with writing(subject, Action.MEMBER_UPDATE, changes_access=True) as write:
        member = await _found(write, member_id)
        write.access.require(Permission.MEMBERS_INVITE, ORGANIZATION)
        before = _facts(member)
        if text.key(person.user_name) != member.user_name_key:
            await _require_free_user_name(write.organization_id, person.user_name)
        _take(member, person)
        suspends = not person.active and member.status is not MemberStatus.SUSPENDED
        reactivates = person.active and member.suspended_by is SuspendedBy.DIRECTORY
        write.changes_access = suspends or reactivates
        if suspends:
            write.access.require(Permission.MEMBERS_REMOVE, ORGANIZATION)
            _suspend(member)
            write.action = Action.MEMBER_SUSPEND
            await sessions.end_all([member.id], EndReason.SUSPENDED)
        elif reactivates:
            member.status, member.suspended_by = MemberStatus.ACTIVE, None
            write.action = Action.MEMBER_REACTIVATE
        member.touch()
        await member.save()
        await write.record(target(member), changes(before, _facts(member)))
    return member


async def remove(subject: Subject, member_id: UUID) -> None:
    """Take a member out: sessions end and assignments go; the account stays for other organizations.

    Raises `NotFound`, `Forbidden`, `LastOwner`.
    """
    async with writing(subject, Action.MEMBER_REMOVE, changes_access=True) as write:
        member = await _found(write, member_id)
        write.access.require(Permission.MEMBERS_REMOVE, ORGANIZATION)
        await assignments.delete_of_principal(write.organization_id, member.id)
        await member.delete()
        if not await Member.exists(user_id=member.user_id):
            await User.filter(id=member.user_id).delete()
        await write.record(target(member), changes(_facts(member), {}))


async def _found(write: Write, member_id: UUID) -> Member:
    member = await Member.get_or_none(id=member_id, organization_id=write.organization_id)
    if member is None or not write.access.allows(Permission.MEMBERS_READ, ORGANIZATION):
        raise NotFound("member")
    write.about(target(member))
    return member


def _take(member: Member, person: Person) -> None:
    member.user_name = text.label(person.user_name, field="userName", longest=320)
    member.user_name_key = text.key(member.user_name)
    member.email = text.prose(person.email, field="emails", longest=320, lines=False)
    member.email_key = text.key(member.email)
    member.name = text.label(person.name, field="displayName", longest=200)
    member.external_id = person.external_id
    member.scim = person.scim


def _suspend(member: Member) -> None:
    member.status = MemberStatus.SUSPENDED
    member.suspended_by = SuspendedBy.DIRECTORY


async def _require_free_user_name(organization_id: UUID, user_name: str) -> None:
    if await Member.exists(organization_id=organization_id, user_name_key=text.key(user_name)):
        raise Conflict(f"The userName {user_name!r} is taken in this organization.")


def _facts(member: Member) -> dict[str, object]:
    return {
        "userName": member.user_name,
        "email": member.email,
        "name": member.name,
        "externalId": member.external_id,
        "status": member.status,
    }

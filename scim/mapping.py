"""SCIM resources and our rows, each made from the other.

What has a column (userName, externalId, active; a group's displayName) stands there; the other
attributes of a user stand in `members.scim`, exactly as they were sent.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from scim2_models import GroupMembership, InvalidValueException, Meta, Reference

from identity.groups import DirectoryGroup
from identity.members import NAME_LENGTH, Person
from models.group import Group as GroupRow
from models.member import Member, MemberStatus
from models.record import VersionedRecord
from scim.bounds import check_entries
from scim.keys import keys_of
from scim.provider import GROUP, GROUP_MODEL, USER, USER_MODEL
from scim.resources import Group, GroupMember, User

IN_COLUMNS = frozenset({"schemas", "id", "meta", "externalId", "userName", "groups", "password"})
"""Attributes of a user that `members.scim` leaves out. A password is never kept. Of `active` it
keeps that it was sent; what holds is the status."""

LARGEST_USER = 256_000
"""Bytes of JSON that the attributes of one user may take."""


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Named(NamedTuple):
    """The group that a user is in, or the user that a group has."""

    id: UUID
    name: str


def resource_id(text: str | None) -> UUID | None:
    """The id that a text spells, exactly as we do; anything else is the id of nothing."""
    try:
        parsed = UUID(text or "")
    except ValueError:
        return None
    return parsed if str(parsed) == text else None


def storable(value: Any) -> bool:
    """Whether PostgreSQL can store all text in a JSON value: neither the null character, nor half
    of a surrogate pair, which a path or a filter may spell as an escape.
    """
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    if isinstance(value, dict):
        return all(storable(name) and storable(item) for name, item in value.items())
    return not isinstance(value, list) or all(storable(item) for item in value)


def person(user: User[Any]) -> Person:
    """What the directory says of a person. Raises `InvalidValueException` when it is too much, or
    cannot be stored.
    """
    attributes = {
        name: value for name, value in user.model_dump().items() if name not in IN_COLUMNS
    }
    for name, value in attributes.items():
        check_entries(name, value)
    if not storable(attributes):
        raise InvalidValueException(detail="A value has a character that cannot be stored.")
    if len(orjson.dumps(attributes)) > LARGEST_USER:
        raise InvalidValueException(detail=f"A user may have {LARGEST_USER} bytes of attributes.")
    user_name = user.user_name or ""
    return Person(
        user_name=user_name,
        email=_address(user) or user_name,
        name=_name(user),
        active=user.active,
        external_id=user.external_id,
        scim=attributes,
        scim_keys=keys_of(attributes),
    )


def _address(user: User[Any]) -> str | None:
    """The primary address, or else the first."""
    addresses = [email for email in user.emails or () if email.value]
    primary = next((email for email in addresses if email.primary), None)
    chosen = primary or next(iter(addresses), None)
    return chosen.value if chosen else None


def _name(user: User[Any]) -> str | None:
    """What people are shown, in one line; the attributes themselves are kept as sent."""
    name = user.name
    spoken = name and (name.formatted or f"{name.given_name or ''} {name.family_name or ''}")
    text = "".join(c if c.isprintable() else " " for c in user.display_name or spoken or "")
    return " ".join(text.split())[:NAME_LENGTH].strip() or None


def user(row: Member, groups: Sequence[Named] = (), *, to_change: bool = False) -> User[Any]:
    """The resource of a member. One that no directory manages has what we know of it.

    `active` is what holds; `to_change`, it is what the directory said itself, so that a change
    that does not speak of it leaves that as it is, whoever else suspended the member.
    """
    attributes = row.scim
    if attributes is None:
        attributes = {"emails": [{"value": row.email, "primary": True}], "active": True}
    resource = USER_MODEL.model_validate({**attributes, "userName": row.user_name})
    resource.id = str(row.id)
    resource.external_id = row.external_id
    if resource.active is not None:
        resource.active = not row.suspended_by_directory
        if not to_change:
            resource.active = row.status is not MemberStatus.SUSPENDED
    if groups:
        resource.groups = [
            GroupMembership(
                value=str(group.id),
                ref=Reference(f"Groups/{group.id}"),
                display=group.name,
                type="direct",
            )
            for group in groups
        ]
    resource.meta = _meta(USER, row, _digest(groups))
    return resource


def directory_group(group: Group) -> DirectoryGroup:
    return DirectoryGroup(name=group.display_name or "", external_id=group.external_id, scim={})


def group(row: GroupRow, members: Iterable[Named] = ()) -> Group:
    """The resource of a group."""
    resource = GROUP_MODEL(display_name=row.name, external_id=row.external_id)
    resource.id = str(row.id)
    resource.members = [_member(member) for member in members] or None
    resource.meta = _meta(GROUP, row)
    return resource


def _member(member: Named) -> GroupMember:
    return GroupMember(
        value=str(member.id),
        ref=Reference(f"Users/{member.id}"),
        type="User",
        display=member.name,
    )


def _meta(resource_type: str, row: VersionedRecord, more: str = "") -> Meta:
    return Meta(
        resource_type=resource_type,
        created=row.created_at,
        last_modified=row.updated_at,
        version=f'W/"{row.version}{more}"',
    )


def _digest(groups: Sequence[Named]) -> str:
    """What the version of a user says of the groups, which change without the user's row."""
    if not groups:
        return ""
    return f".{zlib.crc32(repr(sorted(groups)).encode()):08x}"

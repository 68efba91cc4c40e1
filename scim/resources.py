"""The User and Group that are served: those of RFC 7643, keeping values as they were sent.

The overrides below narrow attributes of the library's models; a type checker cannot know that
nobody assigns them through the wider type.
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field
from scim2_models import (
    AnyExtension,
    CaseExact,
    ComplexAttribute,
    Mutability,
    Reference,
    Required,
    Returned,
    Uniqueness,
)
from scim2_models import Email as StandardEmail
from scim2_models import EnterpriseUser as StandardEnterpriseUser
from scim2_models import Group as StandardGroup
from scim2_models import GroupMember as StandardGroupMember
from scim2_models import Manager as StandardManager
from scim2_models import User as StandardUser


class Email(StandardEmail):
    value: str | None = None
    """Any text: pydantic's email type lower-cases domains and refuses `.local`."""


class User(StandardUser[AnyExtension]):
    emails: list[Email] | None = None  # type: ignore[assignment]
    """Email addresses for the user."""

    Emails: ClassVar[type[ComplexAttribute]] = Email


class Manager(StandardManager):
    ref: Annotated[Reference[StandardUser[Any]] | None, Required.false] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    """The URI of the manager. Directories send the `value` alone, so it is not required."""


class EnterpriseUser(StandardEnterpriseUser):
    manager: Manager | None = None
    """The user's manager."""


class GroupMember(StandardGroupMember):
    value: Annotated[str | None, Mutability.immutable, CaseExact.true, Required.true] = None
    """The id of the user."""

    ref: Annotated[Reference[StandardUser[Any]] | None, Mutability.immutable] = Field(  # type: ignore[assignment]
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    """The URI of the user."""

    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])
    """Always `User`: groups do not contain groups."""

    display: Annotated[str | None, Mutability.read_only, Returned.request] = None
    """The name of the user, for whoever asks: most directories read members for their ids."""


class Group(StandardGroup):
    display_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    """The name of the group."""

    members: list[GroupMember] | None = None  # type: ignore[assignment]
    """The users in the group."""

    Members: ClassVar[type[ComplexAttribute]] = GroupMember

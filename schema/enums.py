"""The enums of the product, named and described for GraphQL, value by value.

Strawberry registers a Python enum in place: the types refer to the enum itself.
"""

from collections.abc import Mapping
from enum import Enum
from typing import cast

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from identity.access.permissions import Permission
from models.assignment import ScopeType
from models.audit_event import ActorType, Outcome, ViaType
from models.campaign import CampaignStatus
from models.group import GroupSource
from models.member import MemberStatus
from models.organization import Plan
from models.workspace import WorkspaceState


def describe(enum: type[Enum], description: str, values: Mapping[Enum, str]) -> None:
    """Register an enum with a sentence about it and one about each of its values.

    Raises `KeyError` for a value without a sentence.
    """
    strawberry.enum(enum, description=description)
    definition = cast("StrawberryEnumDefinition", vars(enum)["__strawberry_definition__"])
    for value in definition.values:
        value.description = values[enum[value.name]]


describe(
    ActorType,
    "What kind of caller acted.",
    {
        ActorType.MEMBER: "A member of the organization.",
        ActorType.SCIM_TOKEN: "A directory that provisions people.",
        ActorType.SYSTEM: "The product itself, or its operator.",
        ActorType.ANONYMOUS: "Somebody who had not signed in.",
    },
)
describe(
    CampaignStatus,
    "How far a campaign is on its way.",
    {
        CampaignStatus.DRAFT: "It is being written and can be changed.",
        CampaignStatus.SCHEDULED: "It goes out at a time that is set.",
        CampaignStatus.SENDING: "It is going out.",
        CampaignStatus.PAUSED: "It stopped on its way and can go on.",
        CampaignStatus.SENT: "It went out.",
        CampaignStatus.CANCELLED: "It will not go out, or no further.",
    },
)
describe(
    GroupSource,
    "Who keeps a group's members.",
    {
        GroupSource.MANUAL: "People keep them, here.",
        GroupSource.DIRECTORY: "A directory keeps them, and nobody else.",
    },
)
describe(
    MemberStatus,
    "Whether a member can sign in.",
    {
        MemberStatus.INVITED: "Not yet: they have been invited.",
        MemberStatus.ACTIVE: "Yes.",
        MemberStatus.SUSPENDED: "No, until they are active again.",
    },
)
describe(
    Outcome,
    "Whether an action was carried out or refused.",
    {
        Outcome.SUCCESS: "It was carried out.",
        Outcome.DENIED: "It was refused, and nothing changed.",
    },
)
describe(
    Permission,
    "What can be done: `CAMPAIGNS_SEND` is the permission `campaigns:send`.",
    {permission: permission.meaning for permission in Permission},
)
describe(
    Plan,
    "What the organization has bought.",
    {
        Plan.STARTER: "The smallest: roles, permissions and the audit log.",
        Plan.PREMIUM: "With single sign-on.",
        Plan.ENTERPRISE: "With single sign-on and provisioning by a directory.",
    },
)
describe(
    ScopeType,
    "The kind of place where a role is given.",
    {
        ScopeType.ORGANIZATION: "The organization, and so everything in it.",
        ScopeType.WORKSPACE: "One workspace with what is in it.",
        ScopeType.CAMPAIGN: "One campaign.",
        ScopeType.MAILING_LIST: "One mailing list.",
        ScopeType.SENDING_SERVER: "One sending server.",
    },
)
describe(
    ViaType,
    "How a caller had authenticated.",
    {
        ViaType.SESSION: "By signing in with a browser.",
        ViaType.SCIM_TOKEN: "By the token of a directory.",
        ViaType.CLI: "By sitting at the command line of the machine.",
        ViaType.SIGN_IN: "Not yet: it was part of a sign-in.",
    },
)
describe(
    WorkspaceState,
    "Whether a workspace can be changed.",
    {
        WorkspaceState.ACTIVE: "It can.",
        WorkspaceState.ARCHIVED: "It can be read, but nothing in it changed.",
    },
)

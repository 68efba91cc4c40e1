"""The enums of the product, named and described for GraphQL, value by value.

Strawberry registers a Python enum in place: the types refer to the enum itself.
"""

from collections.abc import Mapping
from enum import Enum
from typing import cast

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from identity.access.levels import RoleLevel
from identity.access.permissions import Permission
from models.access_review import (
    AccessReviewDecision,
    AccessReviewStatus,
    AccessReviewSubject,
    Unanswered,
)
from models.assignment import PrincipalType, ScopeType
from models.audit_event import ActorType, Outcome, ViaType
from models.campaign import CampaignStatus
from models.group import GroupSource
from models.invitation import InvitationStatus
from models.job import JobKind, JobStatus
from models.member import MemberStatus
from models.organization import Plan
from models.role_version import RoleChange
from models.webhook import DeliveryStatus, WebhookDisabled, WebhookFormat
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
    AccessReviewDecision,
    "What became of an assignment under review.",
    {
        AccessReviewDecision.PENDING: "Nobody has decided.",
        AccessReviewDecision.CONFIRMED: "A reviewer confirmed it.",
        AccessReviewDecision.REVOKED: "A reviewer took it away.",
        AccessReviewDecision.EXPIRED: "Nobody had decided at the end, and it was taken away.",
        AccessReviewDecision.GONE: "It ended, or was changed or taken away, before a decision.",
    },
)
describe(
    AccessReviewStatus,
    "How far an access review is.",
    {
        AccessReviewStatus.OPEN: "Its items can be decided about.",
        AccessReviewStatus.CLOSED: "It ended, and its result stands.",
        AccessReviewStatus.CANCELLED: "It was called off: only what was decided took effect.",
    },
)
describe(
    AccessReviewSubject,
    "Which assignments an access review is about.",
    {
        AccessReviewSubject.WORKSPACE: "Those at one workspace and at what is in it.",
        AccessReviewSubject.OWNERS: "Those of the role Owner, wherever they are.",
    },
)
describe(
    ActorType,
    "What kind of caller acted.",
    {
        ActorType.MEMBER: "A member of the organization, or a personal API key of theirs.",
        ActorType.API_KEY: "A service, by an API key of the organization.",
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
    DeliveryStatus,
    "What became of a message to a webhook.",
    {
        DeliveryStatus.PENDING: "It is in line, for the first time or after a failure.",
        DeliveryStatus.DELIVERED: "It was accepted.",
        DeliveryStatus.DEAD: "Every attempt failed; it is sent again when somebody says so.",
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
    InvitationStatus,
    "How far an invitation is.",
    {
        InvitationStatus.PENDING: "It can be accepted.",
        InvitationStatus.ACCEPTED: "It made a member.",
        InvitationStatus.REVOKED: "It was ended before anybody accepted.",
        InvitationStatus.EXPIRED: "Nobody accepted in time; it can be sent again.",
    },
)
describe(
    JobKind,
    "What a job does.",
    {JobKind.WEBHOOK_REDELIVERY: "Dead letters of a webhook are put in line again."},
)
describe(
    JobStatus,
    "How far a job is.",
    {
        JobStatus.QUEUED: "A worker has yet to begin.",
        JobStatus.RUNNING: "It is carried out.",
        JobStatus.DONE: "All is done.",
        JobStatus.FAILED: "It ended before all was done.",
    },
)
describe(
    MemberStatus,
    "Whether a member can sign in.",
    {
        MemberStatus.ACTIVE: "Yes.",
        MemberStatus.SUSPENDED: "No, until they are active again.",
    },
)
describe(
    Outcome,
    "Whether an action was carried out.",
    {
        Outcome.SUCCESS: "It was carried out.",
        Outcome.DENIED: "It was refused, and nothing changed.",
        Outcome.ERROR: "It failed by our fault, and was undone.",
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
    RoleChange,
    "What made a version of a role.",
    {
        RoleChange.CREATED: "The role was made.",
        RoleChange.UPDATED: "It was changed.",
        RoleChange.RESTORED: "It was brought back to an earlier version.",
        RoleChange.DELETED: "It was deleted; this is what it was.",
    },
)
describe(
    RoleLevel,
    "How much of a group of permissions a role grants.",
    {
        RoleLevel.NONE: "Nothing.",
        RoleLevel.READ: "Exactly what reads.",
        RoleLevel.FULL: "Everything. In a group of which everything reads, it says `READ`.",
        RoleLevel.CUSTOM: "Something else: look at the permissions.",
    },
)
describe(
    PrincipalType,
    "What a role can be given to.",
    {
        PrincipalType.MEMBER: "A member.",
        PrincipalType.GROUP: "A group: all who are in it.",
        PrincipalType.API_KEY: "A service key.",
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
    Unanswered,
    "What becomes of assignments that nobody has decided about when an access review ends.",
    {
        Unanswered.KEEP: "They stay.",
        Unanswered.REVOKE: "They are taken away.",
    },
)
describe(
    ViaType,
    "How a caller had authenticated.",
    {
        ViaType.SESSION: "By signing in with a browser.",
        ViaType.API_KEY: "By an API key.",
        ViaType.SCIM_TOKEN: "By the token of a directory.",
        ViaType.CLI: "By sitting at the command line of the machine.",
        ViaType.JOB: "Not at all: the product did what was due.",
        ViaType.SIGN_IN: "Not yet: it was part of a sign-in.",
    },
)
describe(
    WebhookDisabled,
    "Why nothing is delivered to a webhook any more.",
    {
        WebhookDisabled.BY_HAND: "Somebody disabled it.",
        WebhookDisabled.GONE: "Its address answered 410: there is nothing there any more.",
        WebhookDisabled.FAILING: "It had accepted nothing for three days.",
    },
)
describe(
    WebhookFormat,
    "What the body of a message is.",
    {
        WebhookFormat.GATEPOST: "`type`, `timestamp` and `data`, the event as exports have it.",
        WebhookFormat.OCSF: "The event in the Open Cybersecurity Schema Framework, for SIEMs. A "
        "test looks as in the other format.",
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

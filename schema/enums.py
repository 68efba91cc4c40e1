"""The enums of the product, named and described for GraphQL.

Strawberry registers a Python enum in place: the types refer to the enum itself.
"""

import strawberry

from identity.access.permissions import Permission
from models.assignment import ScopeType
from models.audit_event import ActorType, Outcome, ViaType
from models.campaign import CampaignStatus
from models.group import GroupSource
from models.member import MemberStatus
from models.organization import Plan
from models.workspace import WorkspaceState

DESCRIPTIONS = {
    ActorType: "What kind of caller acted.",
    CampaignStatus: "How far a campaign is on its way.",
    GroupSource: "Who keeps a group's members.",
    MemberStatus: "Whether a member can sign in.",
    Outcome: "Whether an action was carried out or refused.",
    Permission: "What can be done: `CAMPAIGNS_SEND` is the permission `campaigns:send`.",
    Plan: "What the organization has bought.",
    ScopeType: "The kind of place where a role is given.",
    ViaType: "How a caller had authenticated.",
    WorkspaceState: "Whether a workspace can be changed.",
}

for enum, description in DESCRIPTIONS.items():
    strawberry.enum(enum, description=description)

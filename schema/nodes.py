"""Every type with a global id, and the rule by which its rows are found."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import strawberry

from identity import (
    assignments,
    groups,
    invitations,
    jobs,
    members,
    organizations,
    role_versions,
    roles,
)
from identity.access import targets
from identity.access.compiled import Access
from identity.access.decision import Target
from identity.access.kinds import CAMPAIGN, MAILING_LIST, SENDING_SERVER
from identity.access.lookup import Lookup
from identity.access_reviews import reading
from identity.api_keys import reading as api_keys
from identity.webhooks import managing
from schema.access_reviews.types import AccessReview, AccessReviewItem
from schema.api_keys.types import ApiKey
from schema.campaigns.types import Campaign
from schema.directives import PUBLIC
from schema.fields import any_node, any_nodes
from schema.ids import parse_id
from schema.invitations.types import Invitation
from schema.jobs.types import Job
from schema.mailing_lists.types import MailingList
from schema.members.types import Assignment, Group, Member
from schema.node import Node
from schema.organization.types import Organization
from schema.roles.types import Role, RoleVersion
from schema.sending_servers.types import SendingServer
from schema.webhooks.types import Webhook, WebhookDelivery
from schema.workspaces.types import Workspace

NODE_TYPES: Mapping[str, tuple[type[Node], Lookup[Any]]] = {
    "AccessReview": (AccessReview, reading.REVIEW),
    "AccessReviewItem": (AccessReviewItem, reading.ITEM),
    "ApiKey": (ApiKey, api_keys.API_KEY),
    "Assignment": (Assignment, assignments.ASSIGNMENT),
    "Campaign": (Campaign, CAMPAIGN.lookup),
    "Group": (Group, groups.GROUP),
    "Invitation": (Invitation, invitations.INVITATION),
    "Job": (Job, jobs.JOB),
    "MailingList": (MailingList, MAILING_LIST.lookup),
    "Member": (Member, members.MEMBER),
    "Organization": (Organization, organizations.ORGANIZATION),
    "Role": (Role, roles.ROLE),
    "RoleVersion": (RoleVersion, role_versions.ROLE_VERSION),
    "SendingServer": (SendingServer, SENDING_SERVER.lookup),
    "Webhook": (Webhook, managing.WEBHOOK),
    "WebhookDelivery": (WebhookDelivery, managing.DELIVERY),
    "Workspace": (Workspace, targets.WORKSPACE),
}


def named(node_id: str, *, field: str) -> tuple[Lookup[Any], UUID]:
    """The rule and the row of a global id. Raises `BadInput` for what is none of ours."""
    type_name, row_id = parse_id(node_id, field=field, types=NODE_TYPES)
    return NODE_TYPES[type_name][1], row_id


async def located(access: Access, node_id: str, *, field: str) -> tuple[Any, Target]:
    """The row that a global id names and where its permissions are checked.

    Raises `BadInput` for what is no id of ours, `NotFound` for an invisible row.
    """
    lookup, row_id = named(node_id, field=field)
    row = await lookup.find(access, row_id)
    return row, lookup.place.target_of(row)


@strawberry.type
class NodeQuery:
    node: Node | None = any_node(
        NODE_TYPES,
        "Any object by its global id; NOT_FOUND for what the viewer may not see.",
        requires=PUBLIC,
    )
    nodes: list[Node | None] = any_nodes(
        NODE_TYPES,
        "Objects by their global ids, in the order asked for; null with NOT_FOUND for each that "
        "the viewer may not see.",
        requires=PUBLIC,
    )

"""Every type with a global id: who finds its row, and where permissions on it are checked."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import strawberry

from identity import assignments, groups, members, roles
from identity.access import targets
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.kinds import CAMPAIGN, MAILING_LIST, SENDING_SERVER, ResourceKind
from identity.access.targets import target_of
from identity.refusals import BadInput, NotFound
from models.organization import Organization as OrganizationRow
from schema.arguments import GlobalId
from schema.campaigns.types import RELATED, Campaign
from schema.context import ContextInfo
from schema.directives import public
from schema.groups.types import Group
from schema.ids import parse_id
from schema.mailing_lists.types import MailingList
from schema.members.types import Assignment, Member
from schema.node import Node
from schema.organization.types import Organization
from schema.roles.types import Role
from schema.sending_servers.types import SendingServer
from schema.workspaces.types import Workspace

Find = Callable[[Access, UUID], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class NodeType:
    """`find` gives the row or raises `NotFound`; `target` says where to check permissions on it."""

    type: type[Node]
    find: Find
    target: Callable[[Any], Target]


def _resource(node: type[Node], kind: ResourceKind[Any], *related: str) -> NodeType:
    async def find(access: Access, row_id: UUID) -> Any:
        return await targets.visible_resource(access, kind, row_id, related=related)

    return NodeType(node, find, target_of)


async def _own_organization(access: Access, row_id: UUID) -> OrganizationRow:
    if row_id != access.organization_id:
        raise NotFound("organization")
    return await OrganizationRow.get(id=row_id)


def _at_organization(row: object) -> Target:
    return ORGANIZATION


NODE_TYPES: Mapping[str, NodeType] = {
    "Assignment": NodeType(Assignment, assignments.found, roles.scope_of),
    "Campaign": _resource(Campaign, CAMPAIGN, *RELATED),
    "Group": NodeType(Group, groups.found, _at_organization),
    "MailingList": _resource(MailingList, MAILING_LIST),
    "Member": NodeType(Member, members.found, _at_organization),
    "Organization": NodeType(Organization, _own_organization, _at_organization),
    "Role": NodeType(Role, roles.found, _at_organization),
    "SendingServer": _resource(SendingServer, SENDING_SERVER),
    "Workspace": NodeType(
        Workspace, targets.visible_workspace, lambda workspace: Target(workspace.id)
    ),
}


def _named(node_id: str, *, field: str) -> tuple[NodeType, UUID]:
    type_name, row_id = parse_id(node_id, field=field)
    if type_name not in NODE_TYPES:
        raise BadInput("This is not an id that this API gave out.", field=field)
    return NODE_TYPES[type_name], row_id


async def located(access: Access, node_id: str, *, field: str) -> tuple[Any, Target]:
    """The row that a global id names and where its permissions are checked.

    Raises `BadInput` for what is no id of ours, `NotFound` for an invisible row.
    """
    node_type, row_id = _named(node_id, field=field)
    row = await node_type.find(access, row_id)
    return row, node_type.target(row)


@strawberry.type
class NodeQuery:
    @public("Any object by its global id; NOT_FOUND for what the viewer may not see.")
    async def node(self, info: ContextInfo, id: GlobalId) -> Node | None:
        node_type, row_id = _named(id, field="id")
        return node_type.type(row=await node_type.find(info.context.access, row_id))

"""The schema, built once."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema import guarded_inputs
from schema.access.queries import AccessQuery
from schema.access_reviews.mutations import AccessReviewMutation
from schema.api_keys.mutations import ApiKeyMutation
from schema.api_keys.queries import ApiKeyQuery
from schema.arguments import describe_arguments
from schema.audit.subscriptions import AuditSubscription
from schema.campaigns.mutations import CampaignMutation
from schema.campaigns.queries import CampaignQuery
from schema.engine.engine import Engine
from schema.federation import REPRESENTATION, FederationQuery, Representation
from schema.groups.mutations import GroupMutation
from schema.guard import enforce
from schema.invitations.mutations import InvitationMutation
from schema.jobs.subscriptions import JobSubscription
from schema.mailing_lists.mutations import MailingListMutation
from schema.members.member_mutations import MemberMutation
from schema.members.mutations import AssignmentMutation
from schema.nodes import NODE_TYPES, NodeQuery
from schema.operation_access.queries import OperationAccessQuery
from schema.organization.mutations import OrganizationMutation
from schema.organization.queries import OrganizationQuery
from schema.permissions.queries import PermissionQuery
from schema.roles.mutations import RoleMutation
from schema.roles.queries import RoleQuery
from schema.sending_servers.mutations import SendingServerMutation
from schema.simulation.queries import SimulationQuery
from schema.viewer.queries import ViewerQuery
from schema.viewer.subscriptions import AccessSubscription
from schema.webhooks.mutations import WebhookMutation
from schema.workspaces.mutations import WorkspaceMutation
from schema.workspaces.queries import WorkspaceQuery


@strawberry.type(description="What can be read.")
class Query(
    ViewerQuery,
    OrganizationQuery,
    WorkspaceQuery,
    CampaignQuery,
    RoleQuery,
    PermissionQuery,
    NodeQuery,
    AccessQuery,
    SimulationQuery,
    OperationAccessQuery,
    ApiKeyQuery,
):
    pass


@strawberry.type(name="Query", description="What can be read.")
class ExecutedQuery(Query, FederationQuery):
    pass


@strawberry.type(description="What can be changed. Root fields run one after the other, or none.")
class Mutation(
    OrganizationMutation,
    WorkspaceMutation,
    RoleMutation,
    AssignmentMutation,
    InvitationMutation,
    AccessReviewMutation,
    MemberMutation,
    GroupMutation,
    ApiKeyMutation,
    CampaignMutation,
    MailingListMutation,
    SendingServerMutation,
    WebhookMutation,
):
    pass


@strawberry.type(description="What can be followed, at `/graphql/stream`. One root field each.")
class Subscription(AccessSubscription, AuditSubscription, JobSubscription):
    pass


CONFIG = StrawberryConfig(
    disable_field_suggestions=True, scalar_map={Representation: REPRESENTATION}
)


def _schema(query: type) -> strawberry.Schema:
    """A schema with this root, whose declarations are enforced. Strawberry offers no public name
    for the graphql-core schema in it.
    """
    made = strawberry.Schema(
        query=query,
        mutation=Mutation,
        subscription=Subscription,
        types=[node for node, _ in NODE_TYPES.values()],
        config=CONFIG,
    )
    describe_arguments(made._schema)
    enforce(made._schema)
    guarded_inputs.enforce(made._schema)
    return made


schema = _schema(Query)
"""What people read and ask: printed as the SDL, and shown by introspection."""

graphql_schema = _schema(ExecutedQuery)._schema
"""What is executed: the same, and what a router asks a subgraph."""

engine = Engine(graphql_schema, CONFIG)

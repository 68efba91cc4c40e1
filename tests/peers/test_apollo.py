"""Gatepost composes as a subgraph with another service that extends its entities."""

from graphql import GraphQLObjectType, build_schema

from schema.federation import subgraph
from schema.nodes import NODE_TYPES
from schema.sdl import sdl
from tests.peers.apollo import composed

BILLING = """
extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])

type Query {
  node(id: ID!): Node
  invoices(first: Int): InvoiceConnection!
}

interface Node { id: ID! }

type Invoice implements Node @key(fields: "id") {
  id: ID!
  total: Int!
  campaign: Campaign
}

type InvoiceConnection { nodes: [Invoice!]! pageInfo: PageInfo! }

type PageInfo @shareable {
  hasNextPage: Boolean!
  hasPreviousPage: Boolean!
  startCursor: String
  endCursor: String
}

type Campaign @key(fields: "id") { id: ID! invoices: [Invoice!]! }
type Member @key(fields: "id") { id: ID! seatPrice: Int! }
"""
"""A Relay server too, with its own `node`, and pages that look like ours."""


def test_it_composes_with_a_service_that_extends_campaigns_and_members() -> None:
    result = composed({"gatepost": subgraph(sdl()), "billing": BILLING})

    assert result.errors == []
    assert result.api is not None
    schema = build_schema(result.api)
    campaign, member = schema.type_map["Campaign"], schema.type_map["Member"]
    assert isinstance(campaign, GraphQLObjectType)
    assert isinstance(member, GraphQLObjectType)
    assert {"id", "name", "results", "viewerCan", "invoices"} <= set(campaign.fields)
    assert {"id", "email", "assignments", "seatPrice"} <= set(member.fields)


def test_only_gatepost_judges() -> None:
    """Our declarations are for people to read; in a supergraph they would promise that the router
    enforces them.
    """
    result = composed({"gatepost": subgraph(sdl())})
    assert result.errors == []
    assert result.supergraph is not None
    assert "@auth" not in result.supergraph
    assert "@public" not in result.supergraph
    assert "Needs `servers:read` on this object." in result.supergraph


def test_every_entity_can_be_resolved_by_its_id() -> None:
    result = composed({"gatepost": subgraph(sdl())})
    assert result.supergraph is not None
    assert result.supergraph.count('@join__type(graph: GATEPOST, key: "id")') == len(NODE_TYPES)


def test_what_cannot_compose_is_found() -> None:
    other = BILLING.replace("seatPrice: Int!", "name: String!")
    result = composed({"gatepost": subgraph(sdl()), "billing": other})
    assert len(result.errors) == 1
    assert "Member.name" in result.errors[0]

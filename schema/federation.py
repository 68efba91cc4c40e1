"""Gatepost as a subgraph of Apollo Federation v2, behind a router beside other services.

https://www.apollographql.com/docs/graphos/schema-design/federated-schemas/reference/subgraph-spec

Every type with a global id is an entity by its `id`. `_entities` is as strict as `node`: what the
viewer may not see is null with NOT_FOUND in the same words as what is not there. The router judges
nothing; whose session or key comes along with its requests is who asks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NewType

import strawberry
from graphql import (
    ConstDirectiveNode,
    DefinitionNode,
    DocumentNode,
    InterfaceTypeDefinitionNode,
    NameNode,
    ObjectTypeDefinitionNode,
    parse,
    print_ast,
)
from graphql.language import ConstArgumentNode, StringValueNode
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.union import StrawberryUnion

from identity.refusals import BadInput, TooExpensive
from schema.connection import LARGEST_PAGE
from schema.context import ContextInfo
from schema.directives import Public, public
from schema.fields import Named, objects_named
from schema.ids import row_id
from schema.nodes import NODE_TYPES

COMMITTED = Path(__file__).parent / "schema.graphql"

LINK = """
extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key", "@shareable"])
"""
KEY = ConstDirectiveNode(
    name=NameNode(value="key"),
    arguments=(
        ConstArgumentNode(name=NameNode(value="fields"), value=StringValueNode(value="id")),
    ),
)
SHAREABLE = ConstDirectiveNode(name=NameNode(value="shareable"))
OF_ONE_SERVICE = frozenset({"Query.node", "Query.nodes", "Node.viewerCan"})
"""Left out of the subgraph: a router cannot tell whose id a `node` is asked for, and an interface
that another service has too can only promise what both give. The types keep their `viewerCan`.
"""
SHARED = frozenset({"PageInfo"})
"""Types that mean the same in every service that has them."""

Representation = NewType("Representation", object)
REPRESENTATION = strawberry.scalar(
    name="_Any",
    description="What names an entity: an object with `__typename` and the fields of its key.",
    serialize=lambda value: value,
    parse_value=lambda value: value,
)

ENTITY: Any = StrawberryUnion(
    "_Entity",
    type_annotations=tuple(StrawberryAnnotation(node) for node, _ in NODE_TYPES.values()),
    description="What other services know by its id.",
)


@strawberry.type(name="_Service", description="This service, as a router wants to know it.")
class Service:
    @public("Its subgraph schema.")
    def sdl(self) -> str:
        return _committed_subgraph()


async def _entities(
    info: ContextInfo,
    representations: Annotated[
        list[Representation],
        strawberry.argument(description=f"What names the entities; at most {LARGEST_PAGE}."),
    ],
) -> Sequence[Any]:
    if len(representations) > LARGEST_PAGE:
        raise TooExpensive(
            f"This names {len(representations)} entities; {LARGEST_PAGE} are the most.",
            measure="representations",
            measured=len(representations),
            limit=LARGEST_PAGE,
        )
    named = [
        _named(each, field=f"representations.{index}") for index, each in enumerate(representations)
    ]
    return await objects_named(NODE_TYPES, info.context.access, named)


def _named(representation: object, *, field: str) -> Named | BadInput:
    """The type and the row of an entity, or why it is none."""
    given = representation if isinstance(representation, Mapping) else {}
    type_name, node_id = given.get("__typename"), given.get("id")
    if not isinstance(type_name, str) or type_name not in NODE_TYPES:
        return BadInput("This is not an entity of this service.", field=f"{field}.__typename")
    if not isinstance(node_id, str):
        return BadInput("An entity is named by its `id`.", field=f"{field}.id")
    try:
        return type_name, row_id(node_id, type_name, field=f"{field}.id")
    except BadInput as refusal:
        return refusal


@strawberry.type
class FederationQuery:
    service: Service = strawberry.field(
        name="_service",
        resolver=Service,
        description="This service, for a router.",
        directives=[Public()],
    )
    entities: Any = strawberry.field(
        name="_entities",
        resolver=_entities,
        graphql_type=list[ENTITY | None],
        description="The entities that are named, in that order; null with NOT_FOUND for what the "
        "viewer may not see.",
        directives=[Public()],
    )


def subgraph(text: str) -> str:
    """The subgraph schema of Federation v2 that belongs to our SDL."""
    document = parse(text)
    kept = (d for d in document.definitions if not _is_subscription(d))
    left = DocumentNode(definitions=tuple(map(_in_subgraph, kept)))
    return f"{LINK.strip()}\n\n{print_ast(left)}\n"


@cache
def _committed_subgraph() -> str:
    return subgraph(COMMITTED.read_text(encoding="utf-8"))


def _is_subscription(node: DefinitionNode) -> bool:
    """The streams end at our own door: a router would have to keep one open for each reader."""
    return isinstance(node, ObjectTypeDefinitionNode) and node.name.value == "Subscription"


def _in_subgraph(node: DefinitionNode) -> DefinitionNode:
    """A definition with its marks, and without the fields that are of one service only."""
    if not isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
        return node
    name = node.name.value
    fields = [f for f in node.fields or () if f"{name}.{f.name.value}" not in OF_ONE_SERVICE]
    marks = [KEY] * (name in NODE_TYPES) + [SHAREABLE] * (name in SHARED)
    return replace(node, fields=tuple(fields), directives=(*(node.directives or ()), *marks))

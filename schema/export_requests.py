"""What an export is asked for: JSON in the words of the GraphQL schema."""

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from graphql import GraphQLError, GraphQLInputObjectType
from graphql.utilities import coerce_input_value, validate_input_value
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY
from strawberry.types.arguments import convert_argument

from identity.audit.filters import EventFilter
from identity.audit_export import Format
from identity.refusals import BadInput
from schema.audit.filters import AuditEventFilter, asked_for
from schema.ids import optional_row_id
from schema.schema import CONFIG, graphql_schema

FIELDS = frozenset({"format", "workspaceId", "filter"})


@dataclass(frozen=True, slots=True)
class ExportRequest:
    format: Format
    workspace_id: UUID | None
    asked: EventFilter


def export_request_in(value: Any) -> ExportRequest:
    """The request that a JSON value is: `format`, and if given `workspaceId` and `filter`, which is
    an `AuditEventFilter`. Raises `BadInput` with the path of what is wrong.
    """
    if not isinstance(value, dict):
        raise BadInput("The body must be a JSON object with `format`.", field="body")
    for name in value.keys() - FIELDS:
        raise BadInput(
            f"There is no such field; there are {', '.join(sorted(FIELDS))}.", field=name
        )
    formats = {each.name: each for each in Format}
    format_ = formats.get(value.get("format") or "")
    if format_ is None:
        raise BadInput(f"This is one of {', '.join(formats)}.", field="format")
    workspace_id = value.get("workspaceId")
    if workspace_id is not None and not isinstance(workspace_id, str):
        raise BadInput("This is an id.", field="workspaceId")
    return ExportRequest(
        format_,
        optional_row_id(workspace_id, "Workspace", field="workspaceId"),
        asked_for(_filter(value.get("filter"))),
    )


def _filter(value: Any) -> AuditEventFilter | None:
    """The input, coerced as GraphQL coerces a variable of its type."""
    type_ = cast("GraphQLInputObjectType", graphql_schema.type_map["AuditEventFilter"])

    def wrong(error: GraphQLError, path: list[str | int]) -> None:
        raise BadInput(error.message, field=".".join(["filter", *map(str, path)]))

    if value is None:
        return None
    validate_input_value(value, type_, wrong, hide_suggestions=True)
    given = convert_argument(
        coerce_input_value(value, type_), AuditEventFilter, DEFAULT_SCALAR_REGISTRY, CONFIG
    )
    return cast("AuditEventFilter", given)

"""Asking which roles an operation works for."""

from collections.abc import Sequence
from typing import Annotated

import strawberry
from graphql import GraphQLSchema, GraphQLSyntaxError

from identity import roles
from identity.access.compiled import Access
from identity.access.entitlements import plans
from identity.access.permissions import Permission
from identity.refusals import BadInput, NotFound
from models.assignment import ScopeType
from models.listing import page
from models.role import Role as RoleRow
from schema.context import ContextInfo
from schema.directives import At, auth
from schema.ids import row_id
from schema.limits import parsed, require_within_limits
from schema.operation_access.types import OperationAccess
from schema.operations import operation_of
from schema.requirements.tree import Requirements, requirements_of
from schema.requirements.verdict import holding, judge
from schema.validation import mistakes

MOST_ROLES = 100


@strawberry.type
class OperationAccessQuery:
    @auth(
        "What each role gets of an operation, if it is given at a scope of one type: at just what "
        "the operation is about. Nothing is run.",
        requires=[Permission.ROLES_READ],
        at=At.ANYWHERE,
    )
    async def operation_access(
        self,
        info: ContextInfo,
        document: Annotated[str, strawberry.argument(description="The document it is in.")],
        operation_name: Annotated[
            str | None,
            strawberry.argument(description="Its name, if the document has several."),
        ] = None,
        role_ids: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(description="The roles; every role, if left out."),
        ] = None,
        scope_type: Annotated[
            ScopeType, strawberry.argument(description="Where the role is given.")
        ] = ScopeType.ORGANIZATION,
    ) -> list[OperationAccess] | None:
        chosen = await _roles(info.context.access, role_ids)
        schema = info.schema._schema
        requirements = _requirements(schema, document, operation_name)
        cut = plans.cut_mask(info.context.subject.plan)
        return [
            OperationAccess(
                role_row=role,
                row=judge(
                    requirements, holding(roles.mask_of_role(role), scope_type, plan_cut=cut)
                ),
            )
            for role in chosen
        ]


async def _roles(access: Access, ids: Sequence[str] | None) -> Sequence[RoleRow]:
    """Of the own organization, in the order asked for. Raises `BadInput` and `NotFound`."""
    known = await page(roles.listing(access))
    if len(known if ids is None else ids) > MOST_ROLES:
        raise BadInput(f"Name the roles, at most {MOST_ROLES}.", field="roleIds")
    if ids is None:
        return known
    by_id = {role.id: role for role in known}
    wanted = dict.fromkeys(row_id(each, "Role", field="roleIds") for each in ids)
    if wanted.keys() - by_id.keys():
        raise NotFound("role")
    return [by_id[each] for each in wanted]


def _requirements(schema: GraphQLSchema, source: str, name: str | None) -> Requirements:
    """What an operation of a document needs, if the server would run it.

    Raises `BadInput` and `TooExpensive`.
    """
    try:
        document = parsed(source)
    except GraphQLSyntaxError as error:
        raise BadInput(error.message, field="document") from error
    require_within_limits(document)
    errors = mistakes(schema, document)
    if errors:
        raise BadInput(errors[0].message, field="document")
    operation = operation_of(document, name)
    if operation is None:
        raise BadInput("The document does not have exactly one such operation.", field="document")
    return requirements_of(schema, document, operation)

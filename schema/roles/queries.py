"""Comparing roles."""

from typing import Annotated

import strawberry

from identity.access.permissions import Permission
from identity.role_comparison import Comparison, side
from schema.context import ContextInfo
from schema.directives import At, auth
from schema.ids import row_id
from schema.roles.types import RoleComparison


@strawberry.type
class RoleQuery:
    @auth(
        "Two roles side by side; or two versions of one, which may be gone.",
        requires=[Permission.ROLES_READ],
        at=At.ANYWHERE,
    )
    async def compare_roles(
        self,
        info: ContextInfo,
        role_id: Annotated[strawberry.ID, strawberry.argument(description="The role.")],
        other_role_id: Annotated[
            strawberry.ID, strawberry.argument(description="The other; it may be the same.")
        ],
        version: Annotated[
            int | None, strawberry.argument(description="The role as it was in this version.")
        ] = None,
        other_version: Annotated[
            int | None, strawberry.argument(description="The other as it was in this version.")
        ] = None,
    ) -> RoleComparison | None:
        access = info.context.access
        role = row_id(role_id, "Role", field="roleId")
        other = row_id(other_role_id, "Role", field="otherRoleId")
        return RoleComparison(
            row=Comparison(
                await side(access, role, version), await side(access, other, other_version)
            )
        )

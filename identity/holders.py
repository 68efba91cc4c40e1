"""Who holds a role: members, groups and service keys, by name, with where they hold it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.permissions import Permission
from models.api_key import ApiKey
from models.assignment import Assignment, PrincipalType, ScopeType
from models.group import Group, GroupSource
from models.member import Member

MOST_NAMED = 50

PrincipalRow = Member | Group | ApiKey

PRINCIPALS: Mapping[PrincipalType, type[Member] | type[Group] | type[ApiKey]] = {
    PrincipalType.MEMBER: Member,
    PrincipalType.GROUP: Group,
    PrincipalType.API_KEY: ApiKey,
}
"""The table of each kind of principal."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A principal that holds a role at a scope. `provisioned` is whether a directory keeps it: such
    a group is how a directory gives the role.
    """

    type: PrincipalType
    id: UUID
    name: str
    provisioned: bool
    scope_type: ScopeType
    scope_id: UUID

    def __str__(self) -> str:
        kept = " of a directory" * self.provisioned
        return f"{self.type.value}{kept} {self.name} at {self.scope_type.value} {self.scope_id}"


async def named(access: Access, assignments: Sequence[Assignment]) -> Sequence[Holder]:
    """The holders of the oldest assignments, at most `MOST_NAMED`, in a statement for each kind of
    principal; nobody for who may not read members.
    """
    if not access.allows(Permission.MEMBERS_READ, ORGANIZATION):
        return []
    shown = sorted(assignments, key=lambda assignment: assignment.id)[:MOST_NAMED]
    found: dict[UUID, PrincipalRow] = {}
    for kind, model in PRINCIPALS.items():
        ids = {each.principal_id for each in shown if each.principal_type is kind}
        if ids:
            rows = model.filter(organization_id=access.organization_id, id__in=list(ids))
            found |= {row.id: row for row in await rows}
    return [
        Holder(
            type=each.principal_type,
            id=each.principal_id,
            name=found[each.principal_id].name,
            provisioned=_provisioned(found[each.principal_id]),
            scope_type=each.scope_type,
            scope_id=each.scope_id,
        )
        for each in shown
        if each.principal_id in found
    ]


def _provisioned(principal: PrincipalRow) -> bool:
    if isinstance(principal, ApiKey):
        return False
    if isinstance(principal, Group):
        return principal.source is GroupSource.DIRECTORY
    return principal.provisioned

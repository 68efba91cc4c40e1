"""A permission check on compiled access, beside walking the assignments it was compiled from.

Prints microseconds and the ratio, for members with few and with many assignments.
"""

from uuid import UUID

from benchmarks.pairs import timed
from identity.access.compiled import Access, compile_access
from identity.access.decision import Grant, Target
from identity.access.permissions import Permission, mask_of
from models.assignment import PrincipalType, ScopeType
from models.ids import new_id

SEND = Permission.CAMPAIGNS_SEND


def grants_at_campaigns(count: int, workspace: UUID) -> list[Grant]:
    mask = mask_of({SEND})
    return [
        Grant(
            assignment_id=new_id(),
            role_id=new_id(),
            role_name="Sender",
            principal_type=PrincipalType.MEMBER,
            principal_id=new_id(),
            principal_name="Bob",
            scope_type=ScopeType.CAMPAIGN,
            scope_id=new_id(),
            workspace_id=workspace,
            mask=mask,
        )
        for _ in range(count)
    ]


def walk(grants: list[Grant], target: Target) -> bool:
    """The same answer without compiling: any grant that holds the permission and reaches."""
    return any(grant.mask & SEND.bit and grant.reaches(target) for grant in grants)


def measure(count: int) -> None:
    workspace = new_id()
    grants = grants_at_campaigns(count, workspace)
    access: Access = compile_access(new_id(), grants)
    target = Target(workspace, grants[-1].scope_id)
    assert access.allows(SEND, target) is walk(grants, target) is True
    pair = timed(
        lambda: access.allows(SEND, target),
        lambda: walk(grants, target),
        calls=max(20, 20_000 // count),
    )
    print(
        f"{count:>6} assignments: compiled {pair.first * 1e6:.2f} µs, "
        f"walked {pair.second * 1e6:.2f} µs, ratio {pair.ratio:.1f}"
    )


if __name__ == "__main__":
    for count in (1, 10, 100, 1_000, 10_000):
        measure(count)

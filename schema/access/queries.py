"""Asking who may do what, and why."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from identity import answers, least_privilege, past_access
from identity.access.permissions import Permission
from identity.answers import HeldGrant
from identity.assignments import Principal, Scope
from identity.least_privilege import DEFAULT_DAYS
from identity.refusals import BadInput
from identity.subject import Subject
from models.assignment import ScopeType
from models.window import COUNT_CAP
from schema.access.types import AccessExplanation, AccessGrant, AccessHolder, MemberUse
from schema.arguments import After, Before, Days, First, Last
from schema.connection import Connection, paged, window_of
from schema.context import ContextInfo
from schema.directives import At, auth, public
from schema.ids import parse_id
from schema.members.mutations import PRINCIPALS_BY_NODE, SCOPES_BY_NODE
from schema.node import ViewerCan

Wanted = Annotated[
    Permission, strawberry.argument(description="The permission that is asked about.")
]
Resource = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="A resource or a workspace; without it, the organization."),
]
Whom = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="A member or a group; without it, the viewer."),
]


@strawberry.type
class AccessQuery:
    @public("Whether the viewer holds a permission at a place. NOT_FOUND for one they do not see.")
    async def can(
        self, info: ContextInfo, permission: Wanted, resource_id: Resource = None
    ) -> ViewerCan | None:
        subject = info.context.subject
        decision = await answers.can(subject, permission, scope_of(subject, resource_id))
        return ViewerCan(row=decision)

    @public(
        "Why a member or a group may or may not do something, and what would allow it. About "
        "anybody but the viewer it needs `members:read` at the place."
    )
    async def explain_access(
        self,
        info: ContextInfo,
        permission: Wanted,
        resource_id: Resource = None,
        subject_id: Whom = None,
    ) -> AccessExplanation | None:
        subject = info.context.subject
        return AccessExplanation(
            row=await answers.explain(
                subject, principal_of(subject_id), permission, scope_of(subject, resource_id)
            )
        )

    @auth(
        "The active members who hold a permission at a place where the viewer reads members, each "
        "with the grants that it comes from.",
        requires=[Permission.MEMBERS_READ],
        at=At.ANYWHERE,
    )
    async def who_can(
        self,
        info: ContextInfo,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        *,
        permission: Wanted,
        resource_id: Resource = None,
    ) -> Connection[AccessHolder] | None:
        window = window_of(first, after, last, before)
        info.context.spend(window.limit)
        subject = info.context.subject
        found = await answers.who_can(subject, permission, scope_of(subject, resource_id))
        return paged(await found.page(window), window, AccessHolder, found.count)

    @public(
        "Everything that a member or a group was given and that has not ended, directly and "
        "through groups. About anybody but the viewer it needs `members:read` at the organization."
    )
    async def access_of(
        self,
        info: ContextInfo,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        subject_id: Whom = None,
    ) -> Connection[AccessGrant] | None:
        window = window_of(first, after, last, before)
        info.context.spend(window.limit)
        held = await answers.access_of(info.context.subject, principal_of(subject_id))
        return paged(window.of(held), window, AccessGrant, _counting(held))

    @auth(
        "Everything that a member or a group had at a past moment, directly and through groups, "
        "with what it came to then: the present, with what the audit log tells of since then "
        "undone. Needs `members:read` at the organization, too. BAD_INPUT for a moment in the "
        "future or before the log.",
        requires=[Permission.AUDIT_READ],
        at=At.ORGANIZATION,
    )
    async def access_as_of(
        self,
        info: ContextInfo,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        *,
        subject_id: Annotated[
            strawberry.ID,
            strawberry.argument(description="A member or a group, also one that is gone."),
        ],
        at: Annotated[datetime, strawberry.argument(description="The moment, with its zone.")],
    ) -> Connection[AccessGrant] | None:
        window = window_of(first, after, last, before)
        info.context.spend(window.limit)
        held = await past_access.access_as_of(info.context.subject, principal_of(subject_id), at)
        return paged(window.of(held), window, AccessGrant, _counting(held))

    @auth(
        "What the active members use of the roles they hold, the newest first, and what smaller "
        "role would do. A use is on record within a minute. Needs `roles:read` there, too.",
        requires=[Permission.MEMBERS_READ],
        at=At.ORGANIZATION,
    )
    async def unused_permissions(
        self,
        info: ContextInfo,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        days: Days = DEFAULT_DAYS,
    ) -> Connection[MemberUse] | None:
        window = window_of(first, after, last, before)
        info.context.spend(window.limit)
        found = least_privilege.of_members(info.context.subject, days=days)
        return paged(await found.page(window), window, MemberUse, found.count)


def _counting(held: Sequence[HeldGrant]) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return min(len(held), COUNT_CAP)

    return count


def scope_of(subject: Subject, resource_id: str | None, *, field: str = "resourceId") -> Scope:
    """The scope that a global id names, or the organization. Raises `BadInput`."""
    if resource_id is None:
        return Scope(ScopeType.ORGANIZATION, subject.organization_id)
    type_name, row_id = parse_id(resource_id, field=field)
    if type_name not in SCOPES_BY_NODE:
        raise BadInput(f"No role is given at a {type_name}.", field=field)
    return Scope(SCOPES_BY_NODE[type_name], row_id)


def principal_of(subject_id: str | None) -> Principal | None:
    """The member or the group that a global id names. Raises `BadInput`."""
    if subject_id is None:
        return None
    type_name, row_id = parse_id(subject_id, field="subjectId")
    if type_name not in PRINCIPALS_BY_NODE:
        raise BadInput(f"A {type_name} has no access of its own.", field="subjectId")
    return Principal(PRINCIPALS_BY_NODE[type_name], row_id)

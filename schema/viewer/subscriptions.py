"""Following what the viewer may do."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import strawberry

from identity.access.difference import Difference, differences
from identity.access.permissions import Permission
from schema.context import ContextInfo
from schema.directives import public, public_column, subscription
from schema.ids import SCOPE_NODES, global_id


@strawberry.type(description="What the viewer gained and lost at one scope.")
class AccessDifference:
    row: strawberry.Private[Difference]

    gained: list[Permission] = public_column("gained", "What they hold there now and did not.")
    lost: list[Permission] = public_column("lost", "What they held there and no longer do.")

    @public("The scope: the id of the organization, a workspace, or a resource.")
    def scope_id(self) -> strawberry.ID:
        return global_id(SCOPE_NODES[self.row.scope_type], self.row.scope_id)


@dataclass(frozen=True, slots=True)
class Step:
    """The organization's access revision, and how the viewer's access differs from before it."""

    revision: int
    differences: list[Difference]


@strawberry.type(description="That access in the organization is no longer what it was.")
class AccessChange:
    row: strawberry.Private[Step]

    access_revision: int = public_column(
        "revision", "Grows with every change of anybody's access in the organization."
    )

    @public("What changed for the viewer; empty when others are concerned.")
    def differences(self) -> list[AccessDifference]:
        return [AccessDifference(row=each) for each in self.row.differences]


@strawberry.type
class AccessSubscription:
    @subscription(
        "Where access stands now, and then each change: what to load again. Changes that follow "
        "each other quickly come as one."
    )
    async def access_changed(self, info: ContextInfo) -> AsyncGenerator[AccessChange, None]:
        presence, known = info.context.staying, info.context.subject
        yield AccessChange(row=Step(known.revision, []))
        while True:
            subject = await presence.changed_from(known)
            step = Step(subject.revision, differences(known.access, subject.access))
            known = subject
            yield AccessChange(row=step)

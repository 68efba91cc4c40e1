"""What every resolver is given: who asks, and the batches of this one request."""

from dataclasses import dataclass, field
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from identity.access.compiled import Access
from identity.presence import Presence
from identity.subject import Subject
from models.assignment import Assignment
from schema.batches import assignments_of


@dataclass(slots=True)
class Context:
    subject: Subject
    presence: Presence | None = None
    """Of a subscription: the caller who stays."""
    assignments: DataLoader[UUID, list[Assignment]] = field(init=False)

    def __post_init__(self) -> None:
        organization_id = self.subject.organization_id
        self.assignments = DataLoader(lambda ids: assignments_of(organization_id, ids))

    @property
    def access(self) -> Access:
        return self.subject.access

    @property
    def staying(self) -> Presence:
        """The caller of a subscription, which no other operation may ask for."""
        if self.presence is None:
            raise LookupError("only subscriptions have a caller who stays")
        return self.presence


ContextInfo = strawberry.Info[Context, None]

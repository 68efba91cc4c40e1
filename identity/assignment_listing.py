"""Which roles were given at one scope, and to whom: what somebody sees who reads members there."""

from dataclasses import dataclass
from uuid import UUID

from identity.assignments import Scope
from models.assignment import Assignment, PrincipalType
from models.clock import now
from models.listing import Values
from models.record import Record
from models.window import Window


@dataclass(frozen=True, slots=True)
class AssignmentFilter:
    """Which of them: all of what is given holds of each."""

    principal_type: PrincipalType | None = None
    principal_id: UUID | None = None
    role_id: UUID | None = None


ALL = AssignmentFilter()


@dataclass(frozen=True, slots=True)
class AssignmentsAt:
    """What was given at the scope itself and has not ended, the newest first. What reaches it from
    above is not among them. The caller has seen to it that the subject reads members there.
    """

    organization_id: UUID
    scope: Scope
    asked: AssignmentFilter = ALL

    @property
    def model(self) -> type[Record]:
        return Assignment

    @property
    def order(self) -> str:
        return "t.id DESC"

    def rows(self, values: Values, window: Window | None) -> str | None:
        """See `models.listing.Listing`."""
        given = {
            "organization_id": self.organization_id,
            "scope_type": self.scope.type.value,
            "scope_id": self.scope.id,
            "principal_type": self.asked.principal_type and self.asked.principal_type.value,
            "principal_id": self.asked.principal_id,
            "role_id": self.asked.role_id,
        }
        conditions = [f"t.{name} = {values.add(v)}" for name, v in given.items() if v is not None]
        conditions.append(f"(t.expires_at IS NULL OR t.expires_at > {values.add(now())})")
        text = f"SELECT t.* FROM assignments t WHERE {' AND '.join(conditions)}"  # noqa: S608
        if window is not None:
            return text + values.range("t.id", window)
        return f"{text} ORDER BY {self.order}"

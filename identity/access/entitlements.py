"""What each plan includes: one table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from identity.access.permissions import Permission, bits_of
from identity.refusals import PlanRequired
from models.organization import Plan


class Feature(StrEnum):
    SSO = "sso"
    SCIM = "scim"
    WEBHOOKS = "webhooks"
    AUDIT_JSONL = "audit_jsonl"
    AUDIT_SIEM = "audit_siem"
    AUDIT_SEALED = "audit_sealed"


@dataclass(frozen=True, slots=True)
class Entitlements:
    """The features and limits of one plan. A limit of `None` is no limit. Audit events are kept for
    `audit_days`, unless the operator's settings say otherwise.
    """

    features: frozenset[Feature]
    workspaces: int | None
    seats: int | None
    audit_days: int

    def has_room(self, *, workspaces: int) -> bool:
        """Whether there may be one more workspace than these."""
        return self.workspaces is None or workspaces < self.workspaces

    def has_seat(self, *, members: int) -> bool:
        """Whether there may be one more active member than these."""
        return self.seats is None or members < self.seats


NEEDS_FEATURE: Mapping[Permission, frozenset[Feature]] = {
    Permission.IDENTITY_MANAGE: frozenset({Feature.SSO, Feature.SCIM}),
}
"""Permissions that a plan must include: at least one of the features."""


@dataclass(frozen=True, slots=True)
class PlanTable:
    """What every plan includes."""

    entitlements: Mapping[Plan, Entitlements]

    def cut_mask(self, plan: Plan) -> int:
        """The bits of the permissions that the plan takes away."""
        included = self.entitlements[plan].features
        return bits_of(
            permission for permission, features in NEEDS_FEATURE.items() if not features & included
        )

    def smallest_with(self, permission: Permission) -> Plan | None:
        """The smallest plan that does not take the permission away, if there is one."""
        return next((plan for plan in Plan if not self.cut_mask(plan) & permission.bit), None)

    def includes(self, plan: Plan, feature: Feature) -> bool:
        return feature in self.entitlements[plan].features

    def require(self, plan: Plan, feature: Feature) -> None:
        """Raise `PlanRequired`, which names the feature and the smallest plan that has it."""
        if self.includes(plan, feature):
            return
        smallest = self._smallest(lambda included: feature in included.features)
        where = f"It is part of {smallest}." if smallest else "No plan offers it."
        raise PlanRequired(
            f"The plan {plan.name} does not include {feature.name}. {where}",
            feature=feature.name,
            plan=plan.name,
            requiredPlan=smallest,
        )

    def limits_seats(self, plan: Plan) -> bool:
        """Whether members have to be counted at all."""
        return self.entitlements[plan].seats is not None

    def require_room(self, plan: Plan, *, workspaces: int) -> None:
        """Raise `PlanRequired`, which names the limit and the smallest plan that has room, unless
        there may be one more workspace than these.
        """
        included = self.entitlements[plan]
        if not included.has_room(workspaces=workspaces):
            smallest = self._smallest(lambda other: other.has_room(workspaces=workspaces))
            raise _full("Workspaces", plan, included.workspaces, smallest)

    def require_seat(self, plan: Plan, *, members: int) -> None:
        """The same, unless there may be one more active member than these."""
        included = self.entitlements[plan]
        if not included.has_seat(members=members):
            smallest = self._smallest(lambda other: other.has_seat(members=members))
            raise _full("Members", plan, included.seats, smallest)

    def _smallest(self, suffices: Callable[[Entitlements], bool]) -> str | None:
        """The name of the smallest plan that suffices; `Plan` lists them by size."""
        return next((plan.name for plan in Plan if suffices(self.entitlements[plan])), None)


def _full(what: str, plan: Plan, limit: int | None, smallest: str | None) -> PlanRequired:
    where = f"{smallest} has room for more." if smallest else "No plan has room for more."
    return PlanRequired(
        f"{what} in the plan {plan.name}: at most {limit}. {where}",
        limit=limit,
        plan=plan.name,
        requiredPlan=smallest,
    )


plans = PlanTable(
    {
        Plan.STARTER: Entitlements(frozenset(), workspaces=1, seats=5, audit_days=30),
        Plan.PREMIUM: Entitlements(
            frozenset({Feature.SSO, Feature.AUDIT_JSONL}), workspaces=10, seats=50, audit_days=365
        ),
        Plan.ENTERPRISE: Entitlements(
            frozenset(Feature), workspaces=None, seats=None, audit_days=7 * 365
        ),
    }
)

"""What each plan includes: one table, which the operator may override at start-up."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from identity.access.permissions import Permission
from identity.refusals import PlanRequired
from models.organization import Plan


class Feature(StrEnum):
    SSO = "sso"
    SCIM = "scim"


@dataclass(frozen=True, slots=True)
class Entitlements:
    """The features and limits of one plan. A limit of `None` is no limit."""

    features: frozenset[Feature]
    seats: int | None
    workspaces: int | None
    audit_retention_days: int


DEFAULTS: Mapping[Plan, Entitlements] = {
    Plan.STARTER: Entitlements(frozenset(), 5, 1, 30),
    Plan.PREMIUM: Entitlements(frozenset({Feature.SSO}), 50, 10, 365),
    Plan.ENTERPRISE: Entitlements(frozenset({Feature.SSO, Feature.SCIM}), None, None, 7 * 365),
}

NEEDS_FEATURE: Mapping[Permission, frozenset[Feature]] = {
    Permission.IDENTITY_MANAGE: frozenset({Feature.SSO, Feature.SCIM}),
}
"""Permissions that a plan must include: at least one of the features."""


class PlanTable:
    """The plans in force."""

    def __init__(self) -> None:
        self._plans = dict(DEFAULTS)

    def override(self, plan: Plan, *, features: frozenset[Feature]) -> None:
        """Replace the features of a plan; for the operator, at start-up."""
        self._plans[plan] = replace(self._plans[plan], features=features)

    def of(self, plan: Plan) -> Entitlements:
        return self._plans[plan]

    def cut_mask(self, plan: Plan) -> int:
        """The bits of the permissions that the plan takes away."""
        included = self._plans[plan].features
        return sum(
            permission.bit
            for permission, features in NEEDS_FEATURE.items()
            if not features & included
        )

    def require(self, plan: Plan, feature: Feature) -> None:
        """Raise `PlanRequired`, which names the feature and the smallest plan that has it."""
        if feature in self._plans[plan].features:
            return
        having = [p for p in Plan if feature in self._plans[p].features]
        where = f"It is part of {having[0].name}." if having else "No plan offers it."
        raise PlanRequired(
            f"The plan {plan.name} does not include {feature.name}. {where}",
            feature=feature.name,
            plan=plan.name,
            requiredPlan=having[0].name if having else None,
        )


plans = PlanTable()

"""What a plan lacks is refused with the smallest plan that has it."""

import pytest

from identity.access.entitlements import Entitlements, Feature, PlanTable, plans
from identity.access.permissions import Permission
from identity.refusals import PlanRequired
from models.organization import Plan

NOTHING = PlanTable(
    {plan: Entitlements(frozenset(), workspaces=1, seats=1, audit_days=30) for plan in Plan}
)


@pytest.mark.parametrize(
    ("plan", "feature", "required"),
    [
        (Plan.STARTER, Feature.SSO, "PREMIUM"),
        (Plan.STARTER, Feature.SCIM, "ENTERPRISE"),
        (Plan.PREMIUM, Feature.SCIM, "ENTERPRISE"),
    ],
)
def test_a_missing_feature_names_the_plan_with_it(
    plan: Plan, feature: Feature, required: str
) -> None:
    with pytest.raises(PlanRequired) as refused:
        plans.require(plan, feature)
    assert refused.value.details == {
        "feature": feature.name,
        "plan": plan.name,
        "requiredPlan": required,
    }


@pytest.mark.parametrize(
    ("plan", "workspaces", "required"),
    [
        (Plan.STARTER, 1, "PREMIUM"),
        (Plan.STARTER, 9, "PREMIUM"),
        (Plan.STARTER, 10, "ENTERPRISE"),
        (Plan.PREMIUM, 10, "ENTERPRISE"),
    ],
)
def test_a_full_plan_names_the_plan_with_room(plan: Plan, workspaces: int, required: str) -> None:
    with pytest.raises(PlanRequired) as refused:
        plans.require_room(plan, workspaces=workspaces)
    assert refused.value.details == {
        "limit": 1 if plan is Plan.STARTER else 10,
        "plan": plan.name,
        "requiredPlan": required,
    }


def test_what_no_plan_offers_is_said_so() -> None:
    with pytest.raises(PlanRequired, match="No plan offers it") as refused:
        NOTHING.require(Plan.ENTERPRISE, Feature.SSO)
    assert refused.value.details["requiredPlan"] is None
    with pytest.raises(PlanRequired, match="No plan has room for more") as refused:
        NOTHING.require_room(Plan.ENTERPRISE, workspaces=1)
    assert refused.value.details["requiredPlan"] is None


def test_there_is_room_up_to_the_limit() -> None:
    plans.require_room(Plan.STARTER, workspaces=0)
    plans.require_room(Plan.PREMIUM, workspaces=9)
    plans.require_room(Plan.ENTERPRISE, workspaces=1_000_000)


def test_only_a_plan_without_sso_and_scim_cuts_the_management_of_identity() -> None:
    assert plans.cut_mask(Plan.STARTER) == Permission.IDENTITY_MANAGE.bit
    assert plans.cut_mask(Plan.PREMIUM) == plans.cut_mask(Plan.ENTERPRISE) == 0


def test_larger_plans_keep_the_audit_log_for_longer() -> None:
    assert [plans.entitlements[plan].audit_days for plan in Plan] == [30, 365, 2555]

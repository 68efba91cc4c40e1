"""Every action of the catalogue as OCSF has it, held to the published classes of the schema."""

from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from uuid import UUID

import pytest

from identity.audit.actions import Action
from identity.audit.ocsf import MAPPED, OTHER, VERBS, VERSION, ocsf
from models import ActorType, AuditEvent, Outcome, ViaType
from tests.peers import missing

CLASSES = {
    3001: "AccountChange",
    3002: "Authentication",
    3004: "EntityManagement",
    3005: "UserAccess",
    3006: "GroupManagement",
    6003: "ApiActivity",
}
AT = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def event(action: str, **different: Any) -> AuditEvent:
    given: dict[str, Any] = {
        "id": UUID(int=1),
        "created_at": AT,
        "organization_id": UUID(int=2),
        "actor_type": ActorType.MEMBER,
        "actor_id": UUID(int=3),
        "actor_name": "Olga",
        "via": ViaType.SESSION,
        "action": action,
        "target_type": "member",
        "target_id": UUID(int=4),
        "target_name": "Ben",
        "outcome": Outcome.SUCCESS,
        "diff": [{"path": "role", "before": None, "after": "Viewer"}],
        "ip": "192.0.2.1",
        "user_agent": "Firefox",
        "request_id": "r1",
    }
    return AuditEvent(**given | different)


def published(name: str) -> Any:
    """A class of the schema as the package `pydantic-ocsf` publishes it."""
    if find_spec("ocsf") is None:
        missing("pydantic-ocsf is not installed")
    return getattr(import_module(f"ocsf.v{VERSION.replace('.', '_')}.events"), name)


SPARSE: dict[str, Any] = {
    "actor_type": ActorType.SYSTEM,
    "actor_id": None,
    "via": ViaType.JOB,
    "target_type": None,
    "target_id": None,
    "target_name": None,
    "diff": [],
    "outcome": Outcome.ERROR,
    "reason": "INTERNAL",
    "ip": None,
    "user_agent": None,
    "request_id": None,
}


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize(
    "different", [{}, {"target_type": "group"}, SPARSE], ids=["full", "group", "sparse"]
)
def test_every_action_is_of_a_published_class(action: Action, different: dict[str, Any]) -> None:
    said = ocsf(event(action.value, **different))
    of = published(CLASSES[said["class_uid"]])
    read = of.model_validate(said).model_dump(by_alias=True, exclude_none=True, mode="json")
    known = {field.alias or name for name, field in of.model_fields.items()}
    assert said.keys() <= known
    assert (read["type_uid"], read["class_uid"]) == (said["type_uid"], said["class_uid"])
    assert said["type_uid"] == said["class_uid"] * 100 + said["activity_id"]
    assert said["category_uid"] == said["class_uid"] // 1000


def test_what_is_mapped_is_known() -> None:
    for action, (of, activity) in MAPPED.items():
        assert activity == OTHER or activity in of.activities, action
    used = {action.value.partition(".")[2] for action in Action if action not in MAPPED}
    assert {"create", "delete", "update", "revoke"} <= used & VERBS.keys()


def test_a_role_that_is_given() -> None:
    said = ocsf(event("role.assign"))
    assert said == {
        "activity_id": 1,
        "activity_name": "Assign Privileges",
        "category_uid": 3,
        "category_name": "Identity & Access Management",
        "class_uid": 3005,
        "class_name": "User Access Management",
        "type_uid": 300501,
        "type_name": "User Access Management: Assign Privileges",
        "time": 1893499200123,
        "severity_id": 3,
        "severity": "Medium",
        "status_id": 1,
        "status": "Success",
        "message": Action.ROLE_ASSIGN.meaning,
        "metadata": {
            "version": "1.5.0",
            "product": {"name": "Gatepost", "vendor_name": "Gatepost"},
            "log_name": "audit",
            "uid": str(UUID(int=1)),
            "event_code": "role.assign",
            "tenant_uid": str(UUID(int=2)),
            "correlation_uid": "r1",
        },
        "actor": {"user": {"uid": str(UUID(int=3)), "name": "Olga", "type_id": 1, "type": "User"}},
        "user": {"uid": str(UUID(int=4)), "name": "Ben", "type": "User", "type_id": 1},
        "privileges": ["Viewer"],
        "src_endpoint": {"ip": "192.0.2.1"},
        "http_request": {"user_agent": "Firefox"},
        "unmapped": {
            "via": {"type": "session", "id": None, "name": None, "connection": None},
            "target": {"type": "member", "id": str(UUID(int=4)), "name": "Ben"},
            "outcome": "success",
            "diff": [{"path": "role", "before": None, "after": "Viewer"}],
        },
    }
    of_group = ocsf(event("role.assign", target_type="group"))
    assert (of_group["class_uid"], of_group["group"]["name"]) == (3006, "Ben")


def test_a_sign_in_that_was_refused() -> None:
    said = ocsf(
        event(
            "session.sign_in",
            actor_type=ActorType.ANONYMOUS,
            actor_id=None,
            actor_name="somebody signing in",
            target_type="connection",
            outcome=Outcome.DENIED,
            reason="no_member: nobody",
            diff=[],
        )
    )
    assert (said["type_uid"], said["status"], said["status_detail"]) == (
        300201,
        "Failure",
        "no_member: nobody",
    )
    assert said["user"] == {"name": "somebody signing in", "type_id": 0, "type": "Unknown"}
    assert (said["severity"], said["service"]) == ("Low", {"name": "Gatepost"})


def test_a_diff_that_is_not_to_be_read_is_left_out() -> None:
    said = ocsf(event("campaign.update", target_type="campaign"), with_diff=False)
    assert said["unmapped"]["diff_withheld"] is True
    assert "diff" not in said["unmapped"]
    assert "Viewer" not in str(said)


def test_a_role_is_not_named_by_a_diff_that_is_not_to_be_read() -> None:
    said = ocsf(event("role.assign"), with_diff=False)
    assert said["privileges"] == ["unknown"]
    assert "Viewer" not in str(said)


def test_an_action_that_the_catalogue_does_not_know_is_still_told() -> None:
    said = ocsf(event("moon.landing"))
    assert (said["type_uid"], said["message"]) == (300499, "moon.landing")

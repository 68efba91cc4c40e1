"""An event in the Open Cybersecurity Schema Framework 1.5.0 (https://schema.ocsf.io/1.5.0), which
SIEMs read.

Whoever comes and goes is Account Change, sign-ins are Authentication, roles that are given and
taken are User Access or Group Management, what happens to groups is Group Management, what is sent
or taken along is API Activity, and everything else is Entity Management. What the schema has no
place for stands in `unmapped`, by the names of `identity.audit.canonical`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from identity.audit.actions import Action, Sensitivity
from identity.audit.canonical import Document, document
from identity.audit.diff import Change
from models.audit_event import ActorType, AuditEvent, Outcome

VERSION = "1.5.0"
PRODUCT = {"name": "Gatepost", "vendor_name": "Gatepost"}
OTHER = 99
OTHERS_NAME = "Other"


@dataclass(frozen=True, slots=True)
class EventClass:
    """A class of the schema: its activities, and what it says of an event beyond the base."""

    uid: int
    name: str
    activities: Mapping[int, str]
    says: Callable[[AuditEvent], Mapping[str, Any]]
    names_privileges: bool = False

    @property
    def category(self) -> tuple[int, str]:
        uid = self.uid // 1000
        return uid, {3: "Identity & Access Management", 6: "Application Activity"}[uid]


def _named(kind: str | None, row_id: object, name: str | None) -> dict[str, Any]:
    """Something by id and name; who tried something that is not there named nothing."""
    found = {"uid": None if row_id is None else str(row_id), "name": name, "type": kind}
    return {key: value for key, value in found.items() if value} or {"name": "unknown"}


def _target(event: AuditEvent) -> dict[str, Any]:
    return _named(event.target_type, event.target_id, event.target_name)


def _user(event: AuditEvent) -> dict[str, Any]:
    """The person an event is about; of a sign-in, whoever signs in."""
    if event.target_type == "member":
        return {**_target(event), "type": "User", "type_id": 1}
    return {**_target(event), "type": "Unknown", "type_id": 0}


def _privileges(diff: Sequence[Change]) -> list[str]:
    """The names of the roles that a diff tells of."""
    found = [change for change in diff if change["path"] == "role"]
    names = [str(change.get("after") or change.get("before")) for change in found]
    return names or ["unknown"]


def _of_account(event: AuditEvent) -> Mapping[str, Any]:
    return {"user": _user(event)}


def _of_sign_in(event: AuditEvent) -> Mapping[str, Any]:
    said: dict[str, Any] = {
        "user": _actor(event),
        "service": {"name": PRODUCT["name"]},
        "is_remote": event.ip is not None,
    }
    if event.target_type == "session" and event.target_id is not None:
        said["session"] = {"uid": str(event.target_id)}
    return said


def _of_group(event: AuditEvent) -> Mapping[str, Any]:
    return {"group": _target(event)}


def _of_call(event: AuditEvent) -> Mapping[str, Any]:
    return {
        "api": {"operation": event.operation or event.action, "service": {"name": PRODUCT["name"]}},
        "resources": [_target(event)],
        "src_endpoint": {"ip": event.ip} if event.ip else {"name": event.via.value},
    }


def _of_entity(event: AuditEvent) -> Mapping[str, Any]:
    return {"entity": _target(event)}


ACCOUNT_CHANGE = EventClass(
    3001,
    "Account Change",
    {1: "Create", 2: "Enable", 5: "Disable", 6: "Delete"},
    _of_account,
)
AUTHENTICATION = EventClass(3002, "Authentication", {1: "Logon", 2: "Logoff"}, _of_sign_in)
ENTITY_MANAGEMENT = EventClass(
    3004,
    "Entity Management",
    {1: "Create", 2: "Read", 3: "Update", 4: "Delete", 8: "Enable", 9: "Disable"},
    _of_entity,
)
_ACCESS = {1: "Assign Privileges", 2: "Revoke Privileges"}
USER_ACCESS = EventClass(
    3005, "User Access Management", _ACCESS, _of_account, names_privileges=True
)
GROUP_MANAGEMENT = EventClass(3006, "Group Management", {5: "Delete", 6: "Create"}, _of_group)
GROUP_ACCESS = EventClass(3006, "Group Management", _ACCESS, _of_group, names_privileges=True)
API_ACTIVITY = EventClass(6003, "API Activity", {1: "Create", 2: "Read"}, _of_call)

MAPPED: Mapping[Action, tuple[EventClass, int]] = {
    Action.MEMBER_PROVISION: (ACCOUNT_CHANGE, 1),
    Action.MEMBER_UPDATE: (ACCOUNT_CHANGE, OTHER),
    Action.MEMBER_SUSPEND: (ACCOUNT_CHANGE, 5),
    Action.MEMBER_REACTIVATE: (ACCOUNT_CHANGE, 2),
    Action.MEMBER_REMOVE: (ACCOUNT_CHANGE, 6),
    Action.MEMBER_LEAVE: (ACCOUNT_CHANGE, 6),
    Action.OWNER_RECOVER: (ACCOUNT_CHANGE, 2),
    Action.SIGN_IN_LINK_CREATE: (ACCOUNT_CHANGE, OTHER),
    Action.SESSION_SIGN_IN: (AUTHENTICATION, 1),
    Action.SESSION_SIGN_OUT: (AUTHENTICATION, 2),
    Action.ROLE_ASSIGN: (USER_ACCESS, 1),
    Action.ROLE_UNASSIGN: (USER_ACCESS, 2),
    Action.ASSIGNMENT_UPDATE: (USER_ACCESS, OTHER),
    Action.GROUP_CREATE: (GROUP_MANAGEMENT, 6),
    Action.GROUP_UPDATE: (GROUP_MANAGEMENT, OTHER),
    Action.GROUP_DELETE: (GROUP_MANAGEMENT, 5),
    Action.AUDIT_EXPORT: (API_ACTIVITY, 2),
    Action.AUDIT_EXPORT_END: (API_ACTIVITY, OTHER),
    Action.CAMPAIGN_SEND: (API_ACTIVITY, OTHER),
    Action.TRUSTED_DOCUMENTS_IMPORT: (API_ACTIVITY, 1),
}
"""Every action that is no Entity Management, with its activity there."""

ACTIONS: Mapping[str, Action] = {action.value: action for action in Action}

VERBS: Mapping[str, int] = {
    "create": 1,
    "open": 1,
    "update": 3,
    "restore": 3,
    "credentials": 3,
    "plan": 3,
    "rotate": 3,
    "delete": 4,
    "verify": 8,
    "enable": 8,
    "disable": 9,
    "revoke": 9,
    "cancel": 9,
    "close": 9,
}
"""The activities of Entity Management by the verb of an action."""

SEVERITIES: Mapping[Sensitivity, int] = {
    Sensitivity.ROUTINE: 1,
    Sensitivity.SENSITIVE: 2,
    Sensitivity.CRITICAL: 3,
}
SEVERITY_NAMES = {1: "Informational", 2: "Low", 3: "Medium", 4: "High"}
USER_TYPES: Mapping[ActorType, tuple[int, str]] = {
    ActorType.MEMBER: (1, "User"),
    ActorType.SYSTEM: (3, "System"),
}


def class_of(action: str, target_type: str | None) -> tuple[EventClass, int]:
    """The class of an action and the activity in it."""
    known = ACTIONS.get(action)
    mapped = MAPPED.get(known) if known is not None else None
    if mapped is None:
        return ENTITY_MANAGEMENT, VERBS.get(action.partition(".")[2], OTHER)
    of, activity = mapped
    return (GROUP_ACCESS, activity) if of is USER_ACCESS and target_type == "group" else mapped


def ocsf(event: AuditEvent, *, with_diff: bool = True) -> Document:
    """The event as a JSON object. Without its diff, it says that there is one."""
    of, activity = class_of(event.action, event.target_type)
    known = ACTIONS.get(event.action)
    success = event.outcome is Outcome.SUCCESS
    severity = SEVERITIES[known.sensitivity if known else Sensitivity.SENSITIVE] + (not success)
    category_uid, category_name = of.category
    activity_name = of.activities.get(activity, OTHERS_NAME)
    said: Document = {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": category_uid,
        "category_name": category_name,
        "class_uid": of.uid,
        "class_name": of.name,
        "type_uid": of.uid * 100 + activity,
        "type_name": f"{of.name}: {activity_name}",
        "time": int(event.created_at.timestamp() * 1000),
        "severity_id": severity,
        "severity": SEVERITY_NAMES[severity],
        "status_id": 1 if success else 2,
        "status": "Success" if success else "Failure",
        "message": known.meaning if known else event.action,
        "metadata": _metadata(event),
        "actor": {"user": _actor(event)},
        **of.says(event),
        "unmapped": _unmapped(event, with_diff=with_diff),
    }
    if of.names_privileges:
        said["privileges"] = _privileges(event.diff if with_diff else ())
    if event.reason is not None:
        said["status_detail"] = event.reason
    if event.ip is not None:
        said["src_endpoint"] = {"ip": event.ip}
    if event.user_agent is not None:
        said["http_request"] = {"user_agent": event.user_agent}
    return said


def _metadata(event: AuditEvent) -> dict[str, Any]:
    return {
        "version": VERSION,
        "product": PRODUCT,
        "log_name": "audit",
        "uid": str(event.id),
        "event_code": event.action,
        "tenant_uid": str(event.organization_id),
        **({"correlation_uid": event.request_id} if event.request_id else {}),
    }


def _actor(event: AuditEvent) -> dict[str, Any]:
    type_id, type_name = USER_TYPES.get(event.actor_type, (OTHER, event.actor_type.value))
    if event.actor_type is ActorType.ANONYMOUS:
        type_id, type_name = 0, "Unknown"
    return {
        **_named(None, event.actor_id, event.actor_name),
        "type_id": type_id,
        "type": type_name,
    }


def _unmapped(event: AuditEvent, *, with_diff: bool) -> dict[str, Any]:
    names = ("workspace", "via", "on_behalf_of", "target", "outcome", "operation", "diff")
    whole = document(event)
    found = {name: whole[name] for name in names}
    if not with_diff:
        found["diff"], found["diff_withheld"] = None, True
    return {name: value for name, value in found.items() if value is not None}

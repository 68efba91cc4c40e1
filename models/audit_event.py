from enum import StrEnum
from typing import Any

from tortoise import fields

from models.columns import optional_text
from models.record import Record


class ActorType(StrEnum):
    MEMBER = "member"
    """Also by a personal API key."""
    API_KEY = "api_key"
    """A service key."""
    SCIM_TOKEN = "scim_token"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


class ViaType(StrEnum):
    """How the actor authenticated."""

    SESSION = "session"
    API_KEY = "api_key"
    SCIM_TOKEN = "scim_token"
    CLI = "cli"
    JOB = "job"
    """Not at all: the product did what was due."""
    SIGN_IN = "sign_in"
    """Not yet: the event is part of a sign-in."""


class Outcome(StrEnum):
    SUCCESS = "success"
    DENIED = "denied"
    ERROR = "error"
    """It failed by our fault, and was undone."""


class AuditEvent(Record):
    """One sensitive action, as it was: names are copied, and no foreign key can take the row along.

    `created_at` is when it happened. `via_id` is the session, the token or the sign-in that the
    actor came by, `via_name` what that is called and `connection_id` the identity provider behind
    it; `on_behalf_of` is the member for whom somebody else, or the product, acted. `diff` is a list
    of {path, before, after}, sets as {path, added, removed}, secrets as fingerprints. Rows are only
    ever added; triggers refuse UPDATE and DELETE.
    """

    organization_id = fields.UUIDField()
    workspace_id = fields.UUIDField(null=True)
    actor_type = fields.CharEnumField(ActorType, max_length=16)
    actor_id = fields.UUIDField(null=True)
    actor_name = fields.CharField(max_length=320)
    via = fields.CharEnumField(ViaType, max_length=16)
    via_id = fields.UUIDField(null=True)
    via_name = fields.CharField(max_length=320, null=True)
    connection_id = fields.UUIDField(null=True)
    on_behalf_of_id = fields.UUIDField(null=True)
    on_behalf_of_name = fields.CharField(max_length=320, null=True)
    action = fields.CharField(max_length=64)
    target_type = fields.CharField(max_length=32, null=True)
    target_id = fields.UUIDField(null=True)
    target_name = fields.CharField(max_length=320, null=True)
    outcome = fields.CharEnumField(Outcome, max_length=8)
    reason = fields.CharField(max_length=1000, null=True)
    diff: fields.JSONField[list[dict[str, Any]]] = fields.JSONField(default=list)
    request_id = fields.CharField(max_length=64, null=True)
    operation = fields.CharField(max_length=100, null=True)
    ip = fields.CharField(max_length=45, null=True)
    user_agent = fields.CharField(max_length=400, null=True)
    words = optional_text()
    """What is searched: the words of the names, the action and the reason, each after a space."""

    class Meta:
        table = "audit_events"
        indexes = (
            ("organization_id", "id"),
            ("organization_id", "workspace_id", "id"),
            ("organization_id", "actor_id", "id"),
            ("organization_id", "action", "id"),
            ("organization_id", "target_id", "id"),
            ("organization_id", "via", "id"),
            ("organization_id", "ip", "id"),
        )

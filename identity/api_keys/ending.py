"""What becomes of keys when the member behind them loses access."""

from typing import Any, TypeVar

from identity.api_keys import checking
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import new_event, record_all, target
from identity.facts import Fact, Kind, announce
from identity.writing import Write
from models import rows
from models.api_key import ApiKey, ApiKeyEnd, ApiKeyKind
from models.audit_event import AuditEvent
from models.clock import now
from models.member import Member
from models.sql import Statement, as_uuid

WantedT = TypeVar("WantedT")


_END_OF_OWNER = Statement("""
    UPDATE api_keys SET revoked_at = $3, end_reason = $4, updated_at = $3, version = version + 1
    WHERE organization_id = $1 AND member_id = $2 AND kind = $5 AND revoked_at IS NULL
    RETURNING *
""")
_SPONSORED = Statement("""
    UPDATE api_keys SET member_id = NULL, updated_at = $3, version = version + 1
    WHERE organization_id = $1 AND member_id = $2 AND kind = $4 AND revoked_at IS NULL
    RETURNING *
""")


async def end_of_member(write: Write, member: Member, end: ApiKeyEnd, *, reason: str) -> None:
    """End the personal keys of a member who loses access for good, and of one who leaves, the
    sponsorship of service keys, which go on; a part of the caller's change, while the member is
    still there. The number of statements does not grow with the keys.
    """
    ended = await _END_OF_OWNER.all_returned(
        write.organization_id, member.id, now(), end.value, ApiKeyKind.PERSONAL.value
    )
    events = [_ended_event(write, row, member, reason) for row in ended]
    if end is ApiKeyEnd.LEFT:
        left = await _SPONSORED.all_returned(
            write.organization_id, member.id, now(), ApiKeyKind.SERVICE.value
        )
        events += [_sponsor_event(write, row, member, reason) for row in left]
    await record_all(events)
    for row in ended:
        await announce(Fact(Kind.SESSION, write.organization_id, as_uuid(row["id"])))


def _ended_event(write: Write, row: Any, member: Member, reason: str) -> AuditEvent:
    key = _loaded(row)
    return new_event(
        Action.API_KEY_REVOKE,
        subject=write.subject,
        target=target(key),
        diff=changes(checking.facts(key), {}),
        workspace_id=key.workspace_id,
        reason=reason,
    )


def _sponsor_event(write: Write, row: Any, member: Member, reason: str) -> AuditEvent:
    key = _loaded(row)
    return new_event(
        Action.API_KEY_UPDATE,
        subject=write.subject,
        target=target(key),
        diff=changes({"member": member.id}, {"member": None}),
        workspace_id=key.workspace_id,
        reason=reason,
    )


def _loaded(row: Any) -> ApiKey:
    return rows.loaded(ApiKey, [row[column] for column in rows.columns(ApiKey)])

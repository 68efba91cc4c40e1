"""How long deliveries are kept: what was accepted shortly, dead letters until somebody has had the
time to look.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from models.clock import now
from models.sql import Statement, as_uuid
from models.webhook import DeliveryStatus

KEPT_FOR = {
    DeliveryStatus.DELIVERED: timedelta(days=7),
    DeliveryStatus.DEAD: timedelta(days=30),
}
BATCH = 500

_EXPIRED = "SELECT id FROM webhook_deliveries WHERE status = $1 AND ended_at < $2"
_ANY = Statement(f"""
    SELECT DISTINCT webhook_id FROM webhook_deliveries
    WHERE (status = $1 AND ended_at < $2) OR (status = $3 AND ended_at < $4)
    LIMIT {BATCH}
""")  # noqa: S608 - a constant
_DELETE = Statement(f"""
    DELETE FROM webhook_deliveries
    WHERE id IN ({_EXPIRED} AND webhook_id = $3 LIMIT {BATCH})
""")  # noqa: S608 - a constant


async def due() -> Sequence[UUID]:
    """The webhooks that have deliveries whose time is over."""
    given = [value for status, kept in KEPT_FOR.items() for value in (status.value, now() - kept)]
    return [as_uuid(row["webhook_id"]) for row in await _ANY.rows(*given)]


async def carry_out(webhook_id: UUID) -> None:
    """Delete those of one webhook, a batch in a statement. Two who do it at once do no harm."""
    for status, kept in KEPT_FOR.items():
        while await _DELETE.execute(status.value, now() - kept, webhook_id) == BATCH:
            pass

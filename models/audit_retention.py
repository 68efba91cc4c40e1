from datetime import timedelta

from tortoise import fields

from models.record import Record

GRACE = timedelta(days=30)
"""How long a shorter window, or the end of a hold, waits before anything is deleted for it."""
SHORTEST_DAYS = 30
"""No window is shorter. Triggers hold to both."""
LONGEST_DAYS = 36_500


class AuditRetention(Record):
    """From `created_at` on, the organization's events are kept for `days`; for good while `held`.

    What may be deleted is older than the longest window that was in force in the last 30 days, and
    nothing may if a hold was. Rows are only added, and not with an earlier time.
    """

    organization_id = fields.UUIDField()
    days = fields.IntField()
    held = fields.BooleanField(default=False)

    class Meta:
        table = "audit_retentions"
        indexes = (("organization_id", "created_at"),)

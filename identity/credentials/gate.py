"""Asking in a data statement itself whether a session is still what it was found to be.

A request whose session was seen before needs no round trip for it: the first statement that reads
data joins the gate, and gives no row if anything about the caller has changed meanwhile: the
session, the member, the plan, or who may do what.
"""

from dataclasses import dataclass
from datetime import datetime

from models.listing import Values
from models.member import MemberStatus
from models.organization import Plan


class GateClosed(Exception):
    """The caller is not, or no longer, who they were presumed to be: authenticate."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What must hold of a session for its presumed subject to be believed."""

    token_hash: str
    moment: datetime
    seen_since: datetime
    plan: Plan
    revision: int

    def condition(self, values: Values) -> str:
        """A SELECT of one row if it holds, else of none."""
        return (
            "SELECT 1 FROM sessions s"  # noqa: S608 - placeholders alone
            " JOIN members m ON m.id = s.member_id"
            " JOIN organizations o ON o.id = s.organization_id"
            f" WHERE s.token_hash = {values.add(self.token_hash)} AND s.ended_at IS NULL"
            f" AND s.expires_at > {values.add(self.moment)}"
            f" AND s.last_seen_at > {values.add(self.seen_since)}"
            f" AND m.status = {values.add(MemberStatus.ACTIVE.value)}"
            f" AND o.plan = {values.add(self.plan.value)}"
            f" AND o.access_revision = {values.add(self.revision)}"
        )

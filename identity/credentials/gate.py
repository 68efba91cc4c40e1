"""Asking in a data statement itself whether a session is still what it was found to be.

A request whose session was seen before needs no round trip for it: the first statement that reads
data joins the gate, and gives no row if anything about the caller has changed meanwhile: the
session, the member, the plan, or who may do what. A change of data begins by reading its target in
such a statement.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from identity.access.compiled import Access
from identity.access.lookup import Lookup, RecordT
from models import rows
from models.listing import Values
from models.member import MemberStatus
from models.organization import Plan
from models.reading import fetch


class GateClosed(Exception):
    """The caller is not, or no longer, who they were presumed to be: authenticate."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What must hold of a session for its presumed subject to be believed."""

    token_hash: str
    name: str
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
            f" AND m.name = {values.add(self.name)}"
            f" AND o.plan = {values.add(self.plan.value)}"
            f" AND o.access_revision = {values.add(self.revision)}"
        )

    async def find(self, lookup: Lookup[RecordT], access: Access, row_id: UUID) -> RecordT | None:
        """What `lookup.find` finds, and `None` where that raises `NotFound`. The caller is then who
        they were presumed to be. Raises `GateClosed`.
        """
        values, model = Values(), lookup.model
        on = f"t.id = {values.add(row_id)}"
        on += f" AND {lookup.in_organization(values, access.organization_id)}"
        text = (
            f"SELECT {rows.selection(model)} FROM ({self.condition(values)}) g"  # noqa: S608
            f" LEFT JOIN {model._meta.db_table} t ON {on}"
        )
        found = await fetch(text, values.given)
        if not found:
            raise GateClosed
        row = rows.joined(model, found[0])
        is_seen = row is not None and lookup.seen(access, lookup.place.target_of(row))
        return row if is_seen else None

"""Asking in a data statement itself whether a credential is still what it was found to be.

A request whose session or API key was seen before needs no round trip for it: the first statement
that reads data joins the gate, and gives no row if anything about the caller has changed meanwhile:
the session or key, the member, the plan, or who may do what. A change of data begins by reading its
target in such a statement.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from identity.access.compiled import Access
from identity.access.lookup import Lookup, RecordT
from models import rows
from models.api_key import ApiKeyKind
from models.listing import Values
from models.member import MemberStatus
from models.organization import Plan
from models.reading import fetch


class GateClosed(Exception):
    """The caller is not, or no longer, who they were presumed to be: authenticate."""


class Gate(ABC):
    """What must hold for a presumed subject to be believed."""

    __slots__ = ()

    @abstractmethod
    def condition(self, values: Values) -> str:
        """A SELECT of one row if it holds, else of none."""

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


@dataclass(frozen=True, slots=True)
class SessionGate(Gate):
    """What must hold of a session."""

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


@dataclass(frozen=True, slots=True)
class KeyGate(Gate):
    """What must hold of an API key. `name` is that of its owner, or of a service key itself."""

    key_id: UUID
    secret_hash: str
    version: int
    moment: datetime
    name: str
    plan: Plan
    revision: int

    def condition(self, values: Values) -> str:
        moment = values.add(self.moment)
        hashed, name = values.add(self.secret_hash), values.add(self.name)
        return (
            "SELECT 1 FROM api_keys k"  # noqa: S608 - placeholders alone
            " JOIN organizations o ON o.id = k.organization_id"
            " LEFT JOIN members m ON m.id = k.member_id"
            f" WHERE k.id = {values.add(self.key_id)} AND k.version = {values.add(self.version)}"
            " AND k.revoked_at IS NULL"
            f" AND (k.expires_at IS NULL OR k.expires_at > {moment})"
            f" AND (k.secret_hash = {hashed}"
            f" OR (k.previous_hash = {hashed} AND k.previous_until > {moment}))"
            f" AND ((k.kind = {values.add(ApiKeyKind.SERVICE.value)} AND k.name = {name})"
            f" OR (m.status = {values.add(MemberStatus.ACTIVE.value)} AND m.name = {name}"
            f" AND k.kind = {values.add(ApiKeyKind.PERSONAL.value)}))"
            f" AND o.plan = {values.add(self.plan.value)}"
            f" AND o.access_revision = {values.add(self.revision)}"
        )

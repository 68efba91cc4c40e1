"""Which permissions members use, from day to day.

Noting a use is a bit in a dictionary of this process: no lock, no statement. What is new is written
every now and then, many members in one statement, which adds to what other processes wrote. Who
has no member, such as the operator or a directory, is not noted.

A use is noted too often rather than too seldom, because who acts on it takes permissions away: of
several permissions of which one was enough, all that the member holds count, and so do those of a
field that was allowed and had nothing to show.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import islice
from uuid import UUID

from identity.access.permissions import permissions_in
from identity.subject import Subject
from models.audit_event import ActorType
from models.clock import now
from models.ids import new_id
from models.sql import Statement, is_postgres

MOST_KEPT = 20_000
"""Members and days; half as many are reason to write early. More come about only while nothing can
be written, and are left out."""
IN_ONE_STATEMENT = 500
DAYS_KEPT = 400
"""How long a use is on record: a year, and time to look at it."""
DROPPED_AT_ONCE = 500

MemberDay = tuple[UUID, date]

_ADD_ON_POSTGRES = Statement("""
    INSERT INTO permission_uses (id, created_at, organization_id, member_id, day, permissions)
    SELECT u.id, $2, m.organization_id, m.id, u.day, u.permissions
    FROM jsonb_to_recordset($1::jsonb) AS u(id uuid, member uuid, day date, permissions jsonb)
    JOIN members m ON m.id = u.member ORDER BY m.id, u.day
    ON CONFLICT (member_id, day) DO UPDATE SET permissions = (
        SELECT jsonb_agg(name) FROM (
            SELECT jsonb_array_elements_text(permission_uses.permissions) AS name
            UNION SELECT jsonb_array_elements_text(excluded.permissions)
        ) AS either
    ) WHERE NOT permission_uses.permissions @> excluded.permissions
""")
_ADD_ON_SQLITE = Statement("""
    INSERT INTO permission_uses (id, created_at, organization_id, member_id, day, permissions)
    SELECT u.value ->> 'id', $2, m.organization_id, m.id, u.value ->> 'day',
        u.value -> 'permissions'
    FROM json_each($1) u JOIN members m ON m.id = u.value ->> 'member' WHERE true
    ON CONFLICT (member_id, day) DO UPDATE SET permissions = (
        SELECT json_group_array(name) FROM (
            SELECT value AS name FROM json_each(permission_uses.permissions)
            UNION SELECT value FROM json_each(excluded.permissions)
        )
    )
""")
"""Names, and not masks: their union is the same on both databases and in every version. The members
are in one order, so that two processes that write at once do not wait for each other in a circle;
who is gone by now is left out."""
_DROP = Statement("""
    DELETE FROM permission_uses WHERE id IN (
        SELECT id FROM permission_uses WHERE day < $1 ORDER BY day LIMIT $2
    )
""")

log = logging.getLogger("gatepost.permission_uses")


class Uses:
    """The uses that this process has seen."""

    def __init__(self, *, most: int = MOST_KEPT) -> None:
        self._most = most
        self._seen: dict[MemberDay, int] = {}
        """What need not be kept again."""
        self._kept: dict[MemberDay, int] = {}
        """What is to be written."""

    def note(self, subject: Subject, asked: int) -> None:
        """Note that something was allowed because the subject holds one or more of the permissions
        in the mask `asked`; those that it holds nowhere do not count.
        """
        if subject.actor_type is not ActorType.MEMBER or subject.actor_id is None:
            return
        key = (subject.actor_id, now().date())
        seen = self._seen.get(key, 0)
        new = asked & subject.access.anywhere_mask & ~seen
        if new and (key in self._kept or self._has_room()):
            self._seen[key] = seen | new
            self._kept[key] = self._kept.get(key, 0) | new

    def _has_room(self) -> bool:
        if len(self._kept) == self._most:
            log.warning("%d members' uses of permissions wait to be written", self._most)
        return len(self._kept) < self._most

    @property
    def many(self) -> bool:
        """Whether it is time to write, however short the last time was ago."""
        return len(self._kept) >= self._most // 2

    async def write(self) -> int:
        """Write what is new; how many members and days that were. Raises `FAILURES`, and then what
        was not written is still kept.
        """
        written = 0
        waiting = iter(dict(self._kept).items())
        while batch := dict(islice(waiting, IN_ONE_STATEMENT)):
            await _add(batch)
            written += len(batch)
            for key, mask in batch.items():
                left = self._kept.pop(key) & ~mask
                if left:
                    self._kept[key] = left
        self._forget()
        return written

    def _forget(self) -> None:
        """Remember of today alone what was seen, and of those who came last."""
        today = now().date()
        of_today = [key for key in self._seen if key[1] == today]
        self._seen = {key: self._seen[key] for key in of_today[-self._most :]}


uses = Uses()


async def drop_old() -> int:
    """Drop some of what is older than `DAYS_KEPT` days; how many rows that were."""
    return await _DROP.execute(now().date() - timedelta(days=DAYS_KEPT), DROPPED_AT_ONCE)


async def _add(batch: Mapping[MemberDay, int]) -> None:
    statement = _ADD_ON_POSTGRES if is_postgres() else _ADD_ON_SQLITE
    await statement.execute(json.dumps(list(_rows(batch))), now())


def _rows(batch: Mapping[MemberDay, int]) -> Iterator[Mapping[str, object]]:
    for (member_id, day), mask in batch.items():
        yield {
            "id": str(new_id()),
            "member": str(member_id),
            "day": day.isoformat(),
            "permissions": permissions_in(mask),
        }

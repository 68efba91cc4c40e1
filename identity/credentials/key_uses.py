"""When, from where and for what each API key was last used.

Noting a use is an entry in a dictionary of this process; what is new is written every now and then,
many keys in one statement, and never takes a later use back. Of one key at most one use a minute is
kept, and what was kept is never more than a minute and the time between two writings old.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from identity.audit.record import OPERATION_LENGTH
from identity.subject import Subject
from models.audit_event import ViaType
from models.clock import now
from models.sql import Statement, is_postgres

AT_MOST_EVERY = timedelta(minutes=1)
MOST_KEPT = 20_000
IN_ONE_STATEMENT = 500

_SET = "last_used_at = u.at, last_used_ip = u.ip, last_used_operation = u.operation"
_LATER = "(k.last_used_at IS NULL OR k.last_used_at < u.at)"
_WRITE_ON_POSTGRES = Statement(f"""
    UPDATE api_keys k SET {_SET}
    FROM jsonb_to_recordset($1::jsonb) AS u(id uuid, at timestamptz, ip text, operation text)
    WHERE k.id = u.id AND {_LATER}
""")  # noqa: S608 - constants
_WRITE_ON_SQLITE = Statement(f"""
    UPDATE api_keys AS k SET {_SET}
    FROM (
        SELECT value ->> 'id' AS id, value ->> 'at' AS at, value ->> 'ip' AS ip,
            value ->> 'operation' AS operation
        FROM json_each($1)
    ) AS u
    WHERE k.id = u.id AND {_LATER}
""")  # noqa: S608 - constants

log = logging.getLogger("gatepost.key_uses")


@dataclass(frozen=True, slots=True)
class Use:
    at: datetime
    ip: str | None
    operation: str | None


class KeyUses:
    """The uses that this process has seen."""

    def __init__(self, *, most: int = MOST_KEPT) -> None:
        self._most = most
        self._seen: dict[UUID, datetime] = {}
        self._kept: dict[UUID, Use] = {}

    def note(self, subject: Subject, operation: str | None) -> None:
        """Note that a subject called with its API key, if it did."""
        key_id, moment = subject.via_id, now()
        if subject.via is not ViaType.API_KEY or key_id is None:
            return
        before = self._seen.get(key_id)
        if before is not None and moment - before < AT_MOST_EVERY:
            return
        if key_id not in self._kept and len(self._kept) >= self._most:
            log.warning("uses of %d API keys wait to be written", self._most)
            return
        self._seen[key_id] = moment
        name = operation[:OPERATION_LENGTH] if operation else None
        self._kept[key_id] = Use(moment, subject.origin.ip, name)

    @property
    def many(self) -> bool:
        """Whether it is time to write, however short the last time was ago."""
        return len(self._kept) >= self._most // 2

    async def write(self) -> int:
        """Write what is new; of how many keys that was. Raises `FAILURES`, and then what was not
        written is still kept.
        """
        written = 0
        waiting = iter(sorted(self._kept.items()))
        while batch := dict(islice(waiting, IN_ONE_STATEMENT)):
            await _write(batch)
            written += len(batch)
            for key_id, use in batch.items():
                if self._kept.get(key_id) == use:
                    del self._kept[key_id]
        self._forget()
        return written

    def _forget(self) -> None:
        recent = now() - AT_MOST_EVERY
        self._seen = {key_id: at for key_id, at in self._seen.items() if at > recent}


key_uses = KeyUses()


async def _write(batch: Mapping[UUID, Use]) -> None:
    statement = _WRITE_ON_POSTGRES if is_postgres() else _WRITE_ON_SQLITE
    await statement.execute(json.dumps(list(_rows(batch))))


def _rows(batch: Mapping[UUID, Use]) -> Iterator[Mapping[str, object]]:
    for key_id, use in batch.items():
        yield {
            "id": str(key_id),
            "at": use.at.isoformat(" "),
            "ip": use.ip,
            "operation": use.operation,
        }

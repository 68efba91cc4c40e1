"""Rotating the keys that stored secrets are encrypted with: for the operator."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from models.audit_seal import AuditKey
from models.connection import Connection
from models.database import transaction
from models.idempotent_request import IdempotentRequest
from models.login_attempt import LoginAttempt
from models.mail import Mail
from models.record import Record
from models.secret import keyring
from models.sending_server import SendingServer
from models.sql import Statement, as_uuid
from models.webhook import Webhook

BATCH = 500

COLUMNS: Sequence[tuple[type[Record], str]] = (
    (SendingServer, "password_encrypted"),
    (Connection, "client_secret_encrypted"),
    (LoginAttempt, "code_verifier_encrypted"),
    (IdempotentRequest, "request_encrypted"),
    (IdempotentRequest, "answer_encrypted"),
    (Mail, "message_encrypted"),
    (AuditKey, "private_key_encrypted"),
    (Webhook, "secret_encrypted"),
    (Webhook, "previous_encrypted"),
)
"""Where secrets are stored."""

_BEFORE_ALL = UUID(int=0)


async def rotate_all() -> int:
    """Encrypt every stored secret with the first key, so that the others can be dropped; how many
    there are. Fingerprints stay as they were written.

    All or nothing: raises `SecretKeyError` when a secret opens with none of the keys.
    """
    async with transaction():
        return sum([await _rotate(str(model._meta.db_table), name) for model, name in COLUMNS])


async def unreadable() -> tuple[int, int]:
    """How many secrets are stored, and how many of them open with none of the keys."""
    total = closed = 0
    for model, name in COLUMNS:
        async for batch in _batches(str(model._meta.db_table), name):
            total += len(batch)
            closed += sum(not keyring.opens(row["stored"]) for row in batch)
    return total, closed


async def _rotate(table: str, column: str) -> int:
    """The number of secrets in one column."""
    # SQLite's write lock, before the first read: later it fails if another has written meanwhile.
    await Statement(f"UPDATE {table} SET id = id WHERE 1 = 0").execute()  # noqa: S608
    # A secret that was replaced since it was read is encrypted with the first key already.
    write = Statement(f"UPDATE {table} SET {column} = $2 WHERE id = $1 AND {column} = $3")  # noqa: S608
    count = 0
    async for batch in _batches(table, column):
        await _write(write, batch)
        count += len(batch)
    return count


async def _batches(table: str, column: str) -> AsyncIterator[Sequence[Any]]:
    """The rows (id, stored) of one column that hold a secret; a batch is in memory at a time."""
    read = Statement(
        f"SELECT id, {column} AS stored FROM {table}"  # noqa: S608
        f" WHERE {column} IS NOT NULL AND id > $1 ORDER BY id LIMIT {BATCH}"
    )
    last = _BEFORE_ALL
    while batch := await read.rows(last):
        yield batch
        last = as_uuid(batch[-1]["id"])


async def _write(write: Statement, batch: Sequence[Any]) -> None:
    for row in batch:
        stored = row["stored"]
        await write.execute(as_uuid(row["id"]), keyring.rotate(stored), stored)

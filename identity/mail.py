"""Mail: written with what it tells, in one transaction, and sent after that by whoever delivers.

A mail that cannot be sent is tried again, later each time, and given up in the end. What it told of
stands nevertheless, and shows that the mail was not sent, and why.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from math import ceil
from typing import Protocol
from uuid import UUID

from identity.refusals import RateLimited
from models.clock import now
from models.mail import Mail
from models.secret import SecretKeyError, keyring
from models.sql import Statement, as_time, as_uuid, is_postgres

AGAIN_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)
"""The waits after each failure; with one failure more, a mail is given up."""
TAKEN_FOR = timedelta(minutes=5)
"""How long whoever took a mail may need for it, before another one may."""
FAILURE_LENGTH = 200
NOBODY_DELIVERS = "No mail server is set up."
MOST_IN_AN_HOUR = 500
MOST_TO_ONE_IN_AN_HOUR = 5
"""Mails of an organization that its people can cause, and those of them to one address."""

_LATELY = Statement(
    "SELECT count(*) AS n, min(created_at) AS first FROM mails"
    " WHERE organization_id = $1 AND created_at > $2"
)
_LATELY_TO = Statement(
    "SELECT count(*) AS n, min(created_at) AS first FROM mails"
    " WHERE organization_id = $1 AND created_at > $2 AND lower(recipient) = $3"
)
_IS_DUE = Statement("SELECT 1 AS due FROM mails WHERE due_at <= $1 LIMIT 1")
"""Asked first: a writing statement takes SQLite's one lock even if it changes nothing."""
_TAKE = """
    UPDATE mails SET due_at = $2, attempts = attempts + 1 WHERE id = (
        SELECT id FROM mails WHERE due_at <= $1 ORDER BY due_at LIMIT 1 {lock}
    ) RETURNING id, recipient, message_encrypted, attempts
"""
_TAKE_ON_SQLITE = Statement(_TAKE.format(lock=""))
_TAKE_ON_POSTGRES = Statement(_TAKE.format(lock="FOR UPDATE SKIP LOCKED"))
_SENT = Statement(
    "UPDATE mails SET sent_at = $2, due_at = NULL, failure = NULL, message_encrypted = NULL"
    " WHERE id = $1"
)
_LATER = Statement(
    "UPDATE mails SET due_at = $2, failure = $3 WHERE id = $1 AND due_at IS NOT NULL"
)
_GIVEN_UP = Statement(
    "UPDATE mails SET due_at = NULL, failure = $2, message_encrypted = NULL WHERE id = $1"
)


@dataclass(frozen=True, slots=True)
class Message:
    """What a mail says: a subject in one line, paragraphs, and a link to a `path` of this site,
    whose address whoever delivers it knows.
    """

    subject: str
    paragraphs: Sequence[str]
    path: str


class DeliveryFailed(Exception):
    """The text says why, in one line. Unless it is `final`, another attempt may succeed."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = " ".join(reason.split())[:FAILURE_LENGTH]
        self.final = final


class Courier(Protocol):
    """What takes mails to where people read them."""

    async def deliver(self, recipient: str, message: Message) -> None:
        """Raises `DeliveryFailed`. May be asked for the same mail twice."""


class _Post:
    """Whether the mails of this process are delivered by anybody. Set when it starts."""

    delivers = False


_post = _Post()


def use(*, delivers: bool) -> None:
    """Say whether mails that are put down from now on are delivered."""
    _post.delivers = delivers


def is_delivered() -> bool:
    return _post.delivers


async def put(organization_id: UUID, recipient: str, message: Message) -> Mail:
    """A mail to be sent when the caller's transaction has committed. Where nobody delivers, it says
    so and stays unsent.
    """
    if not _post.delivers:
        return await Mail.create(
            organization_id=organization_id, recipient=recipient, failure=NOBODY_DELIVERS
        )
    return await Mail.create(
        organization_id=organization_id,
        recipient=recipient,
        message_encrypted=keyring.encrypt(json.dumps(asdict(message))),
        due_at=now(),
    )


async def require_few(organization_id: UUID, recipient: str) -> None:
    """Raise `RateLimited` when the organization has sent too much within an hour, to this address
    or at all. The caller holds the organization's lock exclusively.
    """
    since = now() - timedelta(hours=1)
    for row, most in (
        (await _LATELY_TO.row(organization_id, since, recipient.lower()), MOST_TO_ONE_IN_AN_HOUR),
        (await _LATELY.row(organization_id, since), MOST_IN_AN_HOUR),
    ):
        if row is not None and row["n"] >= most:
            wait = as_time(row["first"]) - since
            raise RateLimited(
                limit=most, remaining=0, cost=1, retry_after=ceil(wait.total_seconds()), headers={}
            )


async def withdraw(mail_id: UUID | None, *, why: str) -> None:
    """Do not send a mail that is still on its way, in the caller's transaction."""
    if mail_id is not None:
        on_its_way = Mail.filter(id=mail_id, due_at__not_isnull=True)
        await on_its_way.update(due_at=None, failure=why, message_encrypted=None)


async def deliver_due(courier: Courier) -> int:
    """Try every mail that is due, each once; how many. Several processes may do so at once."""
    tried = 0
    while await _IS_DUE.row(now()) is not None and await _deliver_one(courier):
        tried += 1
    return tried


async def _deliver_one(courier: Courier) -> bool:
    moment = now()
    take = _TAKE_ON_POSTGRES if is_postgres() else _TAKE_ON_SQLITE
    row = await take.returned(moment, moment + TAKEN_FOR)
    if row is None:
        return False
    mail_id, attempts = as_uuid(row["id"]), int(row["attempts"])
    try:
        content = json.loads(keyring.decrypt(row["message_encrypted"]))
        await courier.deliver(row["recipient"], Message(**content))
    except SecretKeyError:
        await _GIVEN_UP.execute(mail_id, "No secret key opens it any more.")
    except DeliveryFailed as failed:
        if failed.final or attempts > len(AGAIN_AFTER):
            await _GIVEN_UP.execute(mail_id, failed.reason)
        else:
            await _LATER.execute(mail_id, now() + AGAIN_AFTER[attempts - 1], failed.reason)
    else:
        await _SENT.execute(mail_id, now())
    return True

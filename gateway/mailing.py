"""Sending the mails that are due, for as long as a process serves."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from gateway.settings import Settings
from gateway.smtp import SmtpCourier
from identity import mail
from identity.mail import Courier
from models.mail import Mail
from models.sql import FAILURES

LOOK_SECONDS = 1.0
"""How often it is looked for mails that are due."""

log = logging.getLogger("gatepost.mail")


def courier_of(settings: Settings) -> Courier | None:
    """What the settings say mails are delivered by."""
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    return SmtpCourier(settings.smtp_url, settings.mail_from, settings.public_url)


async def delivered(courier: Courier, mail_id: UUID | None) -> str:
    """Deliver now what is due, and tell what became of this mail: `sent`, or why not."""
    await mail.deliver_due(courier)
    row = await Mail.get(id=mail_id)
    return row.failure or "sent"


@asynccontextmanager
async def mailing(courier: Courier | None) -> AsyncIterator[None]:
    """While the block runs, mails are delivered by the courier, if there is one."""
    mail.use(delivers=courier is not None)
    if courier is None:
        yield
        return
    sending = asyncio.create_task(_send(courier))
    try:
        yield
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending


async def _send(courier: Courier) -> None:
    while True:
        try:
            await mail.deliver_due(courier)
        except FAILURES as error:
            log.warning("no mail could be looked for: %r", error)
        await asyncio.sleep(LOOK_SECONDS)

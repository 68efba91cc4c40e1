"""A process that serves sends what is due, by the courier of its settings or of the demo."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from gateway import mailing as module
from gateway.demo.mailbox import PATH, Mailbox
from gateway.mailing import courier_of, mailing
from gateway.settings import Settings
from gateway.smtp import SmtpCourier
from identity import mail
from identity.mail import Message
from models import Mail
from tests.gateway.smtp_server import smtp_server
from tests.world import World

MESSAGE = Message("Hello <b>", ("Open this:", "Bye & thanks."), "/auth/invitation?token=t")


async def sent() -> Mail:
    async with asyncio.timeout(10):
        while True:
            row = await Mail.get()
            if row.sent_at is not None:
                return row
            await asyncio.sleep(0.02)


async def test_what_is_put_down_while_serving_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    with smtp_server() as server:
        settings = Settings(
            smtp_url=f"smtp+plain://127.0.0.1:{server.port}", mail_from="no-reply@gate.example"
        )
        async with mailing(courier_of(settings)):
            await mail.put(world.organization.id, "carla@elsewhere.example", MESSAGE)
            await sent()
    assert [text.splitlines()[0] for text in server.texts()] == ["Open this:"]


async def test_without_settings_nobody_delivers(world: World) -> None:
    assert courier_of(Settings()) is None
    async with mailing(None):
        assert not mail.is_delivered()
        row = await mail.put(world.organization.id, "carla@elsewhere.example", MESSAGE)
    assert (row.due_at, row.failure) == (None, "No mail server is set up.")


def test_the_courier_leads_to_the_public_url() -> None:
    settings = Settings(
        public_url="https://gate.example", smtp_url="smtps://m.example", mail_from="a@gate.example"
    )
    assert courier_of(settings) == SmtpCourier(
        "smtps://m.example", "a@gate.example", "https://gate.example"
    )


async def test_the_demo_prints_its_mails_and_shows_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    mailbox = Mailbox(public_url="http://127.0.0.1:8000")
    transport = httpx.ASGITransport(Starlette(routes=mailbox.routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        assert "No mail yet." in (await client.get(PATH)).text
        await mailbox.deliver("carla@elsewhere.example", MESSAGE)
        page = (await client.get(PATH)).text

    assert "carla@elsewhere.example: Hello &lt;b&gt;" in page
    assert '<a href="/auth/invitation?token=t">Open</a>' in page
    printed = capsys.readouterr().out
    assert "Mail to carla@elsewhere.example: Hello <b>" in printed
    assert "http://127.0.0.1:8000/auth/invitation?token=t" in printed

"""The mails of the demo, which go no further: printed, and shown on a page."""

from collections import deque
from html import escape

import click
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gateway.pages import PAGE_HEADERS, page
from gateway.smtp import text_of
from identity.mail import Message

PATH = "/demo/mail"
MOST_KEPT = 50


class Mailbox:
    """Takes every mail of a demo at `public_url`, and keeps the last ones in memory."""

    def __init__(self, *, public_url: str) -> None:
        self._public_url = public_url
        self._mails: deque[tuple[str, Message]] = deque(maxlen=MOST_KEPT)

    @property
    def routes(self) -> tuple[Route, ...]:
        return (Route(PATH, self._page),)

    async def deliver(self, recipient: str, message: Message) -> None:
        self._mails.appendleft((recipient, message))
        text = text_of(message, self._public_url)
        click.echo(f"\nMail to {recipient}: {message.subject}\n\n{text}")

    async def _page(self, request: Request) -> Response:
        body = "\n".join(_shown(*mail) for mail in self._mails) or "<p>No mail yet.</p>"
        back = '<p class="fine"><a href="/demo">Back to the demo</a></p>'
        return HTMLResponse(page("Mail of the demo", body + back), headers=PAGE_HEADERS)


def _shown(recipient: str, message: Message) -> str:
    first, *others = (f"<p>{escape(text)}</p>" for text in message.paragraphs)
    link = f'<p><a href="{escape(message.path)}">Open</a></p>'
    return f"<h2>{escape(recipient)}: {escape(message.subject)}</h2>{first}{link}{''.join(others)}"

"""Mail by SMTP: each message on a connection of its own, encrypted unless the operator says not."""

import ssl
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib

from gateway.settings import SMTP_PORTS
from identity.mail import DeliveryFailed, Message
from models.clock import now

TIMEOUT_SECONDS = 20
NO_ADDRESS = "This is no address that mail can be sent to."
FINAL = 500
"""From here on, a server's code says that the same mail will not be taken later either."""


@dataclass(frozen=True, slots=True)
class SmtpCourier:
    """A server at `url`: `smtps` speaks TLS from the start, `smtp` by STARTTLS and not without it,
    `smtp+plain` not at all. `public_url` is where the links of the mails lead.
    """

    url: str
    sender: str
    public_url: str

    async def deliver(self, recipient: str, message: Message) -> None:
        parts = urlsplit(self.url)
        mail = composed(message, recipient, sender=self.sender, public_url=self.public_url)
        try:
            await aiosmtplib.send(
                mail,
                recipients=[recipient],
                hostname=parts.hostname,
                port=parts.port or SMTP_PORTS[parts.scheme],
                username=_decoded(parts.username),
                password=_decoded(parts.password),
                use_tls=parts.scheme == "smtps",
                start_tls=parts.scheme == "smtp",
                tls_context=_tls(parts),
                timeout=TIMEOUT_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            raise _failed(refused.recipients[0]) from refused
        except (aiosmtplib.SMTPDataError, aiosmtplib.SMTPSenderRefused) as refused:
            raise _failed(refused) from refused
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryFailed(f"The mail server cannot be used: {error}") from error


def _failed(refused: aiosmtplib.SMTPResponseException) -> DeliveryFailed:
    """What the server said to this very mail."""
    return DeliveryFailed(
        f"The mail server refused it: {refused.code} {refused.message}",
        final=refused.code >= FINAL,
    )


def _tls(parts: SplitResult) -> ssl.SSLContext | None:
    """What certificates are checked by: those that the machine trusts."""
    return None if parts.scheme == "smtp+plain" else ssl.create_default_context()


def _decoded(part: str | None) -> str | None:
    return None if part is None else unquote(part)


def composed(message: Message, recipient: str, *, sender: str, public_url: str) -> EmailMessage:
    """The mail as it is sent (RFC 5322), in plain text. No value can add a header of its own.

    Raises `DeliveryFailed` for a recipient that is not one address.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    try:
        mail["To"] = Address(addr_spec=recipient)
    except (ValueError, HeaderParseError) as error:
        raise DeliveryFailed(NO_ADDRESS, final=True) from error
    mail["Subject"] = " ".join(message.subject.split())
    mail["Date"] = format_datetime(now())
    mail["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office answers it
    mail.set_content(text_of(message, public_url), cte="quoted-printable")
    return mail


def text_of(message: Message, public_url: str) -> str:
    """The paragraphs, with the link after the first."""
    first, *others = message.paragraphs
    return "\n\n".join([first, public_url + message.path, *others]) + "\n"

"""Mail to a real SMTP server: what arrives, what is tried again, and what is never sent."""

import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.smtp import SmtpCourier, composed
from identity import invitations, mail
from identity.mail import AGAIN_AFTER, Message
from models import BuiltinRole, Invitation, Mail, Organization
from tests.clock import MovableClock
from tests.gateway.smtp_server import SmtpServer, smtp_server
from tests.world import World

CARLA = "carla@elsewhere.example"
SENDER = "Gatepost <no-reply@gate.example>"
SITE = "https://gate.example"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with smtp_server() as running:
        yield running


@pytest.fixture
def courier(server: SmtpServer) -> SmtpCourier:
    return SmtpCourier(f"smtp+plain://127.0.0.1:{server.port}", SENDER, SITE)


@pytest.fixture(autouse=True)
async def delivered(world: World) -> AsyncIterator[None]:
    mail.use(delivers=True)
    yield
    mail.use(delivers=False)


async def invited(world: World) -> tuple[Invitation, str]:
    return await invitations.invite(
        world.operator,
        email=CARLA,
        role_id=(await world.role(BuiltinRole.VIEWER)).id,
        scope=world.everywhere,
    )


async def test_an_invitation_arrives_with_its_link(
    world: World, server: SmtpServer, courier: SmtpCourier
) -> None:
    made, token = await invited(world)
    waiting = await Mail.get()
    assert (waiting.recipient, waiting.sent_at, waiting.attempts) == (CARLA, None, 0)
    assert token not in (waiting.message_encrypted or "")

    assert await mail.deliver_due(courier) == 1

    ((recipients, message),) = server.received
    assert recipients == [CARLA]
    assert (message["To"], message["From"]) == (CARLA, SENDER)
    assert message["Subject"] == "You are invited to Acme"
    assert message["Auto-Submitted"] == "auto-generated"
    assert f"{SITE}{invitations.invitation_path(token)}" in message.get_content().splitlines()
    sent = await Mail.get()
    assert (sent.attempts, sent.due_at, sent.failure) == (1, None, None)
    assert sent.sent_at is not None
    assert sent.message_encrypted is None, "nothing is kept that could be used"
    assert (await Invitation.get(id=made.id)).mail_id == sent.id
    assert await mail.deliver_due(courier) == 0


async def test_nothing_is_mailed_of_what_was_rolled_back(
    world: World, server: SmtpServer, courier: SmtpCourier
) -> None:
    await invited(world)
    with pytest.raises(Exception, match="has an invitation already"):
        await invited(world)
    assert await Mail.all().count() == 1


async def test_what_fails_is_tried_again_later_each_time_and_given_up(
    movable_clock: MovableClock, world: World, server: SmtpServer, courier: SmtpCourier
) -> None:
    server.answer = "451 Try again later"
    made, _ = await invited(world)
    waits = []
    for _ in range(len(AGAIN_AFTER)):
        assert await mail.deliver_due(courier) == 1
        assert await mail.deliver_due(courier) == 0, "not before its time"
        row = await Mail.get()
        assert row.failure == "The mail server refused it: 451 Try again later"
        assert row.due_at is not None
        waits.append(row.due_at - movable_clock())
        movable_clock.move(waits[-1])
    assert waits == list(AGAIN_AFTER)
    await mail.deliver_due(courier)

    given_up = await Mail.get()
    assert (given_up.due_at, given_up.attempts, given_up.sent_at) == (None, 5, None)
    assert given_up.message_encrypted is None
    assert await Invitation.filter(id=made.id, mail_id=given_up.id).exists()
    server.answer = None
    await invitations.resend(world.operator, made.id)
    await mail.deliver_due(courier)
    assert len(server.received) == 1


async def test_what_is_refused_for_good_is_not_tried_again(
    world: World, server: SmtpServer, courier: SmtpCourier
) -> None:
    server.answer = "550 No such user"
    await invited(world)
    await mail.deliver_due(courier)

    row = await Mail.get()
    assert (row.due_at, row.attempts) == (None, 1)
    assert row.failure == "The mail server refused it: 550 No such user"


async def test_a_server_that_is_away_loses_nothing(
    movable_clock: MovableClock, world: World, server: SmtpServer, courier: SmtpCourier
) -> None:
    await invited(world)
    away = SmtpCourier("smtp+plain://127.0.0.1:1", SENDER, SITE)
    await mail.deliver_due(away)
    assert ((await Mail.get()).failure or "").startswith("The mail server cannot be used: ")

    movable_clock.move(timedelta(minutes=1))
    await mail.deliver_due(courier)
    assert len(server.received) == 1


async def test_a_mail_whose_process_died_is_taken_by_another(
    movable_clock: MovableClock, world: World, server: SmtpServer, courier: SmtpCourier
) -> None:
    await invited(world)
    await Mail.all().update(due_at=movable_clock() + mail.TAKEN_FOR, attempts=1)
    assert await mail.deliver_due(courier) == 0
    movable_clock.move(mail.TAKEN_FOR)
    assert await mail.deliver_due(courier) == 1
    assert len(server.received) == 1


async def test_the_link_of_a_revoked_or_replaced_invitation_is_not_mailed(
    world: World, server: SmtpServer, courier: SmtpCourier
) -> None:
    made, _ = await invited(world)
    _, second = await invitations.resend(world.operator, made.id)
    await mail.deliver_due(courier)
    assert [invitations.invitation_path(second) in text for text in server.texts()] == [True]

    await invitations.resend(world.operator, made.id)
    await invitations.revoke(world.operator, made.id)
    await mail.deliver_due(courier)
    assert len(server.received) == 1
    assert await Mail.filter(message_encrypted__isnull=False).count() == 0


async def test_without_a_mail_server_it_says_so(
    world: World, server: SmtpServer, courier: SmtpCourier
) -> None:
    mail.use(delivers=False)
    made, token = await invited(world)
    row = await Mail.get()
    assert (row.due_at, row.sent_at, row.message_encrypted) == (None, None, None)
    assert row.failure == "No mail server is set up."
    assert made.token_hash
    assert token
    mail.use(delivers=True)
    assert await mail.deliver_due(courier) == 0


async def test_no_name_adds_a_header_or_a_recipient(
    world: World, server: SmtpServer, courier: SmtpCourier
) -> None:
    name = "Acme\r\nBcc: eve@elsewhere.example\r\n\r\nHello \u2028Subject: x, eve@elsewhere.example"
    await Organization.filter(id=world.organization.id).update(name=name)
    await invited(world)
    await mail.deliver_due(courier)

    ((recipients, message),) = server.received
    assert recipients == [CARLA]
    assert message["Bcc"] is None
    assert message.get_all("Subject") == [
        "You are invited to Acme Bcc: eve@elsewhere.example Hello Subject: x, eve@elsewhere.example"
    ]


@pytest.mark.parametrize("recipient", ["a@x.example, b@x.example", "a\r\nBcc: b@x.example", "a"])
async def test_what_is_no_single_address_is_not_sent_to(
    recipient: str, world: World, server: SmtpServer, courier: SmtpCourier
) -> None:
    message = Message("Hello", ("Hello.",), "/")
    await mail.put(world.organization.id, recipient, message)
    await mail.deliver_due(courier)

    assert server.received == []
    row = await Mail.get()
    assert (row.failure, row.due_at) == ("This is no address that mail can be sent to.", None)


def test_a_long_line_stays_one_link() -> None:
    path = "/auth/invitation?token=" + "x" * 43
    message = Message("Hello", ("One.", "Two."), path)
    made = composed(message, CARLA, sender=SENDER, public_url=SITE)
    assert made.get_content() == f"One.\n\n{SITE}{path}\n\nTwo.\n"
    assert max(map(len, made.as_bytes().splitlines())) <= 78


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The paths of a certificate for 127.0.0.1 that signs itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def over_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


async def test_by_default_it_is_encrypted_and_the_password_sent_after_that(
    world: World, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with smtp_server(over_tls(certificate)) as server:
        url = f"smtp://gatepost:p%40ss%3Aword@127.0.0.1:{server.port}"
        await invited(world)
        await mail.deliver_due(SmtpCourier(url, SENDER, SITE))
    assert (await Mail.get()).failure is None
    assert server.encrypted == [True]


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    world: World, certificate: tuple[Path, Path]
) -> None:
    with smtp_server(over_tls(certificate)) as server:
        url = f"smtp://gatepost:p%40ss%3Aword@127.0.0.1:{server.port}"
        await invited(world)
        await mail.deliver_due(SmtpCourier(url, SENDER, SITE))
    assert server.received == []
    assert "CERTIFICATE_VERIFY_FAILED" in ((await Mail.get()).failure or "")


async def test_a_server_without_tls_gets_nothing(world: World, server: SmtpServer) -> None:
    await invited(world)
    url = f"smtp://gatepost:p%40ss%3Aword@127.0.0.1:{server.port}"
    await mail.deliver_due(SmtpCourier(url, SENDER, SITE))
    assert server.received == []
    failure = (await Mail.get()).failure or ""
    assert failure.startswith("The mail server cannot be used: ")
    assert "word" not in failure

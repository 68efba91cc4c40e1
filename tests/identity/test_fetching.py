"""The client for addresses of tenants: where it does not go, and what it takes from there."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest

from identity import fetching
from identity.fetching import (
    MAX_BYTES,
    AddressRefused,
    AnswerTooLong,
    Client,
    Unreachable,
    reachable,
    require_fetchable,
)
from tests.receiver import Answer, Certificate, Receiver, Resolver

INSIDE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.2.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%2",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "fec0::1",
    "feff::1",
    "168.63.129.16",
    "::ffff:168.63.129.16",
    "64:ff9b::a83f:8110",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "2002:a00:1::",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b:1::909:909",
]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as serving:
        yield serving


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_out_of_reach(address: str) -> None:
    assert not reachable(ipaddress.ip_address(address), allow_loopback=False)


@pytest.mark.parametrize(
    "address",
    ["9.9.9.9", "168.63.129.17", "2620:fe::fe", "3ffe::1", "::ffff:9.9.9.9", "64:ff9b::909:909"],
)
def test_an_address_of_the_internet_is_in_reach(address: str) -> None:
    assert reachable(ipaddress.ip_address(address), allow_loopback=False)


@pytest.mark.parametrize(
    ("address", "reached"),
    [("127.0.0.1", True), ("::1", True), ("10.0.0.1", False), ("169.254.169.254", False)],
)
def test_for_development_the_loopback_and_no_more(address: str, reached: bool) -> None:
    assert reachable(ipaddress.ip_address(address), allow_loopback=True) is reached


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example",
        "ftp://id.example",
        "file:///etc/passwd",
        "https:///path",
        "https://user:secret@id.example",
        "https://id.example/#fragment",
        "https://id.example:99999/",
        "https://[::1",
        "https://id.example\\@evil.example",
        "https://id.example/ path",
        "https://id.example/\r\nHost: evil",
        "//id.example",
        "https://id.example/" + "a" * 2000,
        "",
    ],
)
@pytest.mark.parametrize("allow_loopback", [True, False])
def test_an_address_of_another_form_is_refused(url: str, allow_loopback: bool) -> None:
    with pytest.raises(AddressRefused):
        require_fetchable(url, allow_loopback=allow_loopback)


def test_plain_http_is_for_the_loopback_of_a_developer() -> None:
    require_fetchable("http://localhost:4000/a", allow_loopback=True)
    with pytest.raises(AddressRefused):
        require_fetchable("http://localhost:4000/a", allow_loopback=False)
    with pytest.raises(AddressRefused):
        require_fetchable("http://10.0.0.1/a", allow_loopback=True)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:7f00:1]"]
)
async def test_a_name_is_judged_by_where_it_leads(host: str, receiver: Receiver) -> None:
    """However an address inside is spelled, no connection to it is opened."""
    with pytest.raises(AddressRefused):
        await Client().exchange("POST", f"https://{host}:{receiver.port}/", {}, b"secret")
    assert receiver.received == []


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside_is_sent_nothing(address: str, receiver: Receiver) -> None:
    leading = Client(resolve=Resolver(address))
    with pytest.raises(AddressRefused, match=r"hooks\.example is at"):
        await leading.exchange("POST", f"https://hooks.example:{receiver.port}/", {}, b"secret")
    assert receiver.received == []


async def test_one_address_inside_among_others_is_enough(receiver: Receiver) -> None:
    async def both(host: str, port: int) -> list[fetching.Address]:
        return [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("10.0.0.1")]

    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        await Client(allow_loopback=True, resolve=both).exchange("GET", receiver.url, {})
    assert receiver.received == []


async def test_a_name_that_changes_its_mind_is_asked_once(tmp_path: Path) -> None:
    """DNS rebinding: the connection goes to the address that was checked, by the name's TLS."""
    certificate = Certificate("hooks.example", tmp_path)
    rebinding = Resolver("127.0.0.1", "169.254.169.254")
    client = Client(allow_loopback=True, resolve=rebinding, tls=certificate.trusted)
    with Receiver(certificate) as secure:
        url = f"https://hooks.example:{secure.port}/hook"
        reply = await client.exchange("POST", url, {"X-One": "1"}, b"{}")
        assert reply.status == 204
        assert rebinding.asked == ["hooks.example"]
        assert secure.received[0].headers["host"] == f"hooks.example:{secure.port}"
        with pytest.raises(AddressRefused):
            await client.exchange("POST", url, {}, b"{}")
        assert len(secure.received) == 1


async def test_a_certificate_of_another_name_is_sent_nothing(tmp_path: Path) -> None:
    certificate = Certificate("other.example", tmp_path)
    client = Client(True, Resolver("127.0.0.1"), certificate.trusted)
    with Receiver(certificate) as secure:
        with pytest.raises(Unreachable, match="hooks"):
            await client.exchange("POST", f"https://hooks.example:{secure.port}/", {}, b"{}")
        assert secure.received == []


async def test_a_certificate_that_nobody_vouches_for_is_sent_nothing(tmp_path: Path) -> None:
    certificate = Certificate("hooks.example", tmp_path)
    with Receiver(certificate) as secure:
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            await Client(True, Resolver("127.0.0.1")).exchange(
                "POST", f"https://hooks.example:{secure.port}/", {}, b"{}"
            )
        assert secure.received == []


async def test_a_host_that_does_not_exist_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="no such host"):
        await Client().exchange("GET", "https://nowhere.invalid/", {})


async def test_a_redirect_is_an_answer_and_not_followed(receiver: Receiver) -> None:
    receiver.answer = Answer(307, headers={"Location": f"{receiver.url}/elsewhere"})
    reply = await Client(allow_loopback=True).exchange("POST", receiver.url, {}, b"{}")
    assert (reply.status, reply.headers["location"]) == (307, f"{receiver.url}/elsewhere")
    assert [each.path for each in receiver.received] == ["/hook"]


async def test_an_answer_is_read_up_to_a_megabyte(receiver: Receiver) -> None:
    client = Client(allow_loopback=True)
    receiver.answers = [Answer(200, b"x" * MAX_BYTES), Answer(200, b"x" * (MAX_BYTES + 1))]
    assert len((await client.exchange("GET", receiver.url, {})).body) == MAX_BYTES
    with pytest.raises(AnswerTooLong):
        await client.exchange("GET", receiver.url, {})


async def test_an_answer_comes_in_time_or_not_at_all(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SECONDS", 0.2)
    receiver.answer = Answer(seconds=2)
    with pytest.raises(Unreachable, match="TimeoutError"):
        await Client(allow_loopback=True).exchange("GET", receiver.url, {})


async def test_no_proxy_of_the_environment_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    reply = await Client(allow_loopback=True).exchange("GET", receiver.url, {})
    assert reply.status == 204


async def test_a_line_keeps_its_connection_and_an_exchange_has_one_of_its_own(
    receiver: Receiver,
) -> None:
    client = Client(allow_loopback=True)
    async with client.line() as line:
        for _ in range(2):
            await line.exchange("POST", receiver.url, {}, b"{}")
    await client.exchange("POST", receiver.url, {}, b"{}")
    first, second, third = (each.sender for each in receiver.received)
    assert first == second != third

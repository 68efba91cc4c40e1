"""The client for addresses of tenants: where it does not go."""

import ipaddress

import pytest

from identity.sso.fetching import Fetcher, reachable, require_fetchable
from identity.sso.refused import Reason, SignInRefused
from tests.sso.hostile_provider import HostileProvider

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
]


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
    with pytest.raises(SignInRefused) as refused:
        require_fetchable(url, allow_loopback=allow_loopback)
    assert refused.value.reason is Reason.PROVIDER_ADDRESS


def test_plain_http_is_for_the_loopback_of_a_developer() -> None:
    require_fetchable("http://localhost:4000/a", allow_loopback=True)
    with pytest.raises(SignInRefused):
        require_fetchable("http://localhost:4000/a", allow_loopback=False)
    with pytest.raises(SignInRefused):
        require_fetchable("http://10.0.0.1/a", allow_loopback=True)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:7f00:1]"]
)
async def test_a_name_is_judged_by_where_it_leads(host: str) -> None:
    """However an address inside is spelled, no connection to it is opened."""
    with pytest.raises(SignInRefused) as refused:
        await Fetcher().get_json(f"https://{host}:9/")
    assert refused.value.reason is Reason.PROVIDER_ADDRESS


async def test_a_host_that_does_not_exist_is_unreachable() -> None:
    with pytest.raises(SignInRefused) as refused:
        await Fetcher().get_json("https://nowhere.invalid/")
    assert refused.value.reason is Reason.PROVIDER_UNREACHABLE


async def test_no_proxy_of_the_environment_is_used(
    hostile: HostileProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    document = await Fetcher(allow_loopback=True).get_json(
        f"{hostile.issuer}/.well-known/openid-configuration"
    )

    assert document["issuer"] == hostile.issuer


async def test_tls_is_verified(hostile: HostileProvider) -> None:
    """The port speaks no TLS; nothing falls back to plain text."""
    with pytest.raises(SignInRefused) as refused:
        await Fetcher(allow_loopback=True).get_json(
            hostile.issuer.replace("http:", "https:") + "/jwks"
        )
    assert refused.value.reason is Reason.PROVIDER_UNREACHABLE
    assert hostile.requests == []

"""What does not come to an answer of a provider refuses the sign-in, with the reason. Where we do
not go at all is in `tests/identity/test_fetching.py`.
"""

import pytest

from identity.sso.fetching import Fetcher, require_fetchable
from identity.sso.refused import Reason, SignInRefused
from tests.sso.hostile_provider import HostileProvider


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

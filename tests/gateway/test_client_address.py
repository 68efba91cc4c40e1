"""Whose request it is: only trusted proxies are believed about it."""

from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from gateway.client_address import beyond
from gateway.settings import Settings

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.7", ["203.0.113.9"], "198.51.100.7"),  # no proxy: its word is nothing
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),  # what the client wrote itself
        ("10.0.0.1", ["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.9, 10.1.1.1, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9:5012"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db9::7]:5012"], "2001:db9::7"),
        ("2001:db8::1", ["2001:db9::7"], "2001:db9::7"),
        ("::ffff:10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("testclient", ["203.0.113.9"], "testclient"),
        ("10.0.0.1", [", ".join(["10.0.0.9"] * 1000)], "10.0.0.9"),
    ],
)
def test_the_client_is_the_last_one_that_no_trusted_proxy_is(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert beyond(peer, forwarded, PROXIES) == client


def test_proxies_are_networks() -> None:
    settings = Settings.model_validate(
        {"secret_keys": ("unused",), "trusted_proxies": "10.0.0.0/8, 192.0.2.7"}
    )
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.0.2.7/32")
    for wrong in ("10.0.0.1/8", "proxy.example", "10.0.0.0/8;"):
        with pytest.raises(ValidationError, match="write networks such as"):
            Settings.model_validate({"secret_keys": ("unused",), "trusted_proxies": wrong})

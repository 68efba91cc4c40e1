"""Forms, at each address that takes one."""

import base64
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from gateway.app import application
from gateway.demo.identity_provider import PATH, Client, IdentityProvider, signing_key
from gateway.demo.site import HOME, Site
from gateway.settings import Settings

ORIGIN = "http://127.0.0.1:8000"
CLIENT = Client("gatepost", "secret", f"{ORIGIN}/auth/callback/1")
HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Authorization": "Basic " + base64.b64encode(b"gatepost:secret").decode(),
    "Sec-Fetch-Site": "same-origin",
}


@pytest.fixture
def demo(tmp_path: Path) -> httpx.AsyncClient:
    """The application with the demo's addresses, whose database nobody has opened."""
    site = Site(public_url=ORIGIN, connection_id=UUID(int=1))
    key = signing_key(tmp_path / "key.pem")
    provider = IdentityProvider(issuer=ORIGIN + PATH, client=CLIENT, key=key)
    settings = Settings(database_url=f"sqlite://{tmp_path}/none.sqlite3", public_url=ORIGIN)
    app = application(settings, more_routes=(*site.routes, *provider.routes))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)


ADDRESSES = pytest.mark.parametrize("address", ["/auth/finish", f"{HOME}/sign-in", f"{PATH}/token"])


@ADDRESSES
async def test_what_is_not_utf_8_is_refused(demo: httpx.AsyncClient, address: str) -> None:
    response = await demo.post(address, content=b"code=\xff&person=\xff", headers=HEADERS)
    assert response.status_code == 400
    assert "Send the form in UTF-8." in response.text
    assert "set-cookie" not in response.headers


@ADDRESSES
async def test_a_form_is_small(demo: httpx.AsyncClient, address: str) -> None:
    response = await demo.post(address, content=b"code=" + 4096 * b"a", headers=HEADERS)
    assert response.status_code == 413
    assert "set-cookie" not in response.headers

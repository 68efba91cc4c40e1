"""The organization, its providers and its browser, for the sign-in tests."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from identity.sso import connections, domains
from models import Connection, Member
from models.sql import Statement
from tests.peers.oidc_provider import Account, Client, OidcProviderProcess
from tests.sso.browser import PUBLIC_URL, Browser
from tests.sso.hostile_provider import CLIENT_ID, CLIENT_SECRET, HostileProvider
from tests.world import World

CERTIFIED_CONNECTION = UUID("01900000-0000-7000-8000-00000000c0de")
"""Known in advance, because the provider is started with its redirect URIs."""

RENAME = Statement("UPDATE connections SET id = $2 WHERE id = $1")


def account(login: str, email: str, *, verified: bool = True) -> Account:
    return Account(login, f"sub-of-{login}", {"email": email, "email_verified": verified})


@pytest.fixture(scope="session")
def certified_provider() -> Iterator[OidcProviderProcess]:
    clients = [
        Client(CLIENT_ID, CLIENT_SECRET, [f"{PUBLIC_URL}/auth/callback/{CERTIFIED_CONNECTION}"])
    ]
    accounts = [account("bob", "bob@acme.example"), account("eve", "eve@elsewhere.example")]
    with OidcProviderProcess(clients, accounts) as process:
        yield process


@pytest.fixture(scope="session")
def served_hostile_provider() -> Iterator[HostileProvider]:
    with HostileProvider() as provider:
        yield provider


@pytest.fixture
def hostile(served_hostile_provider: HostileProvider) -> HostileProvider:
    served_hostile_provider.reset()
    return served_hostile_provider


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
async def bob(world: World) -> Member:
    """A member with an address in a domain of the organization."""
    await domains.verify_by_operator(world.operator, "acme.example")
    return await world.member("Bob")


async def add_connection(
    world: World, issuer: str, *, name: str = "Acme ID", secret: str = CLIENT_SECRET
) -> Connection:
    return await connections.add_oidc(
        world.operator,
        name=name,
        issuer=issuer,
        client_id=CLIENT_ID,
        client_secret=secret,
        allow_loopback=True,
    )


@pytest.fixture
async def connection(world: World, hostile: HostileProvider) -> Connection:
    """The connection to the provider that may be told to do wrong."""
    return await add_connection(world, hostile.issuer)


@pytest.fixture
async def certified(world: World, certified_provider: OidcProviderProcess) -> Connection:
    """The connection to the certified provider."""
    connection = await add_connection(world, certified_provider.issuer)
    await RENAME.execute(connection.id, CERTIFIED_CONNECTION)
    return await Connection.get(id=CERTIFIED_CONNECTION)

"""`gatepost demo`: one process, on SQLite, with example people and a test identity provider."""

import asyncio
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from uuid import UUID

import click
import uvicorn

from gateway.app import application
from gateway.cli.opening import open_database
from gateway.cli.serve import listening, server_configuration
from gateway.demo import identity_provider
from gateway.demo.identity_provider import Client, IdentityProvider, signing_key
from gateway.demo.mailbox import Mailbox
from gateway.demo.seed import ORIGIN, SLUG, seed
from gateway.demo.site import HOME, Site
from gateway.settings import Settings, variable
from identity import organizations
from identity.sso import connections, oidc
from models.connection import Connection
from models.migrating import upgrade

HOST = "127.0.0.1"
FOLDER = Path("var/demo")
DATABASE = "gatepost.sqlite3"
MARKER = "MADE-BY-GATEPOST-DEMO"
SIGNING_KEY = "identity-provider.pem"
CONNECTION = "Acme ID (demo)"
CLIENT_ID = "gatepost"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the demo's database holds; `scim_token` only when it was made just now."""

    connection_id: UUID
    client_secret: str
    scim_token: str | None


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
def demo(port: int) -> None:
    """Run an example organization on SQLite, with an identity provider where you pick who you are.

    Everything is kept in ./var/demo; delete that folder to start over.
    """
    require_demo_folder()
    bound = listening(HOST, port)
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    (FOLDER / MARKER).write_text("Delete this folder to start the demo over.\n")
    public_url = f"http://{HOST}:{port}"
    settings = Settings(
        database_url=f"sqlite://{FOLDER / DATABASE}",
        public_url=public_url,
        allow_loopback_providers=True,
        graphql_explain=True,
    )
    prepared = asyncio.run(prepare(settings))
    site = Site(public_url=public_url, connection_id=prepared.connection_id)
    provider = IdentityProvider(
        issuer=public_url + identity_provider.PATH,
        client=Client(
            CLIENT_ID,
            prepared.client_secret,
            oidc.callback_url(public_url, prepared.connection_id),
        ),
        key=signing_key(FOLDER / SIGNING_KEY),
    )
    mailbox = Mailbox(public_url=public_url)
    app = application(
        settings,
        more_routes=(*site.routes, *provider.routes, *mailbox.routes),
        courier=mailbox,
    )
    server = AnnouncingServer(
        server_configuration(app, log_level="warning", access_log=False),
        announce=lambda: announce(public_url, prepared.scim_token),
    )
    with suppress(KeyboardInterrupt):
        server.run(sockets=[bound])
    click.echo("The demo is stopped; its data is kept for the next time.")


def require_demo_folder() -> None:
    """Raise `ClickException` when there is a database in the demo's folder that no demo made, or
    when the environment points at another one.
    """
    if variable("database_url") in os.environ:
        raise click.ClickException(
            f"The demo brings its own database and signs in anybody: unset "
            f"{variable('database_url')}, or run gatepost serve."
        )
    if (FOLDER / DATABASE).exists() and not (FOLDER / MARKER).exists():
        raise click.ClickException(
            f"{FOLDER / DATABASE} was not made by gatepost demo, which signs in anybody. "
            "Move it away."
        )


async def prepare(settings: Settings) -> Prepared:
    """Migrate, seed and connect, each only where it is still to be done."""
    async with open_database(settings, migrated=False):
        await upgrade(lambda name: click.echo(f"Making the tables ({name}) ..."))
        scim_token = await seed()
        click.echo(
            "Made the example organization Acme Mail."
            if scim_token
            else f"Found the example organization of last time in {FOLDER}."
        )
        connection = await _connection(settings)
        return Prepared(connection.id, connection.client_secret(), scim_token)


async def _connection(settings: Settings) -> Connection:
    """The connection to the demo's provider, which is at another address on another port."""
    issuer = settings.public_url + identity_provider.PATH
    row = await Connection.get_or_none(organization__slug=SLUG, name=CONNECTION)
    if row is None:
        return await connections.add_oidc(
            await organizations.operator_of(SLUG, origin=ORIGIN),
            name=CONNECTION,
            issuer=issuer,
            client_id=CLIENT_ID,
            client_secret=secrets.token_urlsafe(32),
            allow_loopback=True,
        )
    if row.issuer != issuer:
        row.issuer, row.metadata, row.keys = issuer, None, None
        row.metadata_fetched_at = row.keys_fetched_at = None
        await row.save()
    return row


class AnnouncingServer(uvicorn.Server):
    """Says once that it answers."""

    def __init__(self, config: uvicorn.Config, *, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._announce()


def announce(public_url: str, scim_token: str | None) -> None:
    if scim_token is not None:
        click.echo(
            "\nA directory can provision people (this token is shown once):\n"
            f'  curl -H "Authorization: Bearer {scim_token}" {public_url}/scim/v2/Users'
        )
    click.echo(f"\nOpen {public_url}{HOME} and choose who you are. Ctrl-C stops the demo.")

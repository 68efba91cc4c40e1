"""`gatepost connection` and `gatepost domain`."""

import sys
from typing import TextIO

import click

from gateway.cli.opening import origin, run
from gateway.cli.printing import answer, as_json
from gateway.settings import Settings
from identity import organizations
from identity.sso import connections, domains, oidc

SECRET_VARIABLE = "OIDC_CLIENT_SECRET"


@click.group()
def connection() -> None:
    """Identity providers that an organization signs in with."""


@connection.command("add-oidc")
@click.option("--org", "slug", required=True, help="The slug of the organization.")
@click.option("--name", required=True, help="Its name on the sign-in page.")
@click.option("--issuer", required=True, help="The provider's issuer, exactly as it writes it.")
@click.option("--client-id", required=True)
@click.option(
    "--client-secret",
    envvar=SECRET_VARIABLE,
    show_envvar=True,
    help="Asked for when not given. In the command line, others on the machine can read it.",
)
@click.option(
    "--client-secret-file",
    type=click.File("r"),
    help="A file with the secret; - is standard input.",
)
@as_json
def add_oidc(
    slug: str,
    name: str,
    issuer: str,
    client_id: str,
    client_secret: str | None,
    client_secret_file: TextIO | None,
    as_json: bool,
) -> None:
    """Set up an OpenID provider, and print what to enter there."""
    secret = _secret(client_secret, client_secret_file)

    async def added(settings: Settings) -> dict[str, str]:
        subject = await organizations.operator_of(slug, origin=origin())
        row = await connections.add_oidc(
            subject,
            name=name,
            issuer=issuer,
            client_id=client_id,
            client_secret=secret,
            allow_loopback=settings.allow_loopback_providers,
        )
        return {
            "connection": str(row.id),
            "redirect_uri": oidc.callback_url(settings.public_url, row.id),
            "login_url": f"{settings.public_url}/auth/login?organization={slug}",
        }

    answer(run(added), headline=f"{slug} signs in with {name}.", as_json=as_json)


def _secret(given: str | None, file: TextIO | None) -> str:
    if file is not None:
        return file.read().strip()
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"Give the client secret: --client-secret-file FILE (- is standard input), "
            f"or the environment variable {SECRET_VARIABLE}."
        )
    return str(click.prompt("Client secret", hide_input=True, err=True))


@click.group()
def domain() -> None:
    """Mail domains that an organization owns."""


@domain.command()
@click.option("--org", "slug", required=True, help="The slug of the organization.")
@click.option("--domain", "name", required=True, help="E.g. acme.example.")
@as_json
def verify(slug: str, name: str, as_json: bool) -> None:
    """Mark a mail domain as the organization's own, on your word.

    Its identity provider is then believed about addresses in that domain.
    """

    async def verified(settings: Settings) -> dict[str, str]:
        row = await domains.verify_by_operator(
            await organizations.operator_of(slug, origin=origin()), name
        )
        assert row.verified_at is not None  # noqa: S101 - what the use case promises
        return {"domain": row.domain, "verified_at": row.verified_at.isoformat()}

    answer(run(verified), headline=f"{name} belongs to {slug}.", as_json=as_json)

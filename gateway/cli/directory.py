"""`gatepost scim-token`."""

import click

from gateway.cli.opening import origin, run
from gateway.cli.printing import answer, as_json
from gateway.settings import Settings
from identity import organizations
from identity.credentials import scim_tokens


@click.group("scim-token")
def scim_token() -> None:
    """Tokens by which a directory provisions people."""


@scim_token.command()
@click.option("--org", "slug", required=True, help="The slug of the organization.")
@click.option("--name", default="Directory", show_default=True, help="What the token is for.")
@as_json
def create(slug: str, name: str, as_json: bool) -> None:
    """Issue a token. It is shown this once; only its hash is stored."""

    async def issued(settings: Settings) -> dict[str, str]:
        subject = await organizations.operator_of(slug, origin=origin())
        _, token = await scim_tokens.create(subject, name=name)
        return {"token": token, "base_url": f"{settings.public_url}/scim/v2"}

    answer(run(issued), headline=f"{slug} has a new SCIM token.", as_json=as_json)


@scim_token.command()
@click.option("--org", "slug", required=True, help="The slug of the organization.")
@click.option("--prefix", required=True, help="How the token begins, e.g. gp_scim_Ab3dEf.")
@as_json
def revoke(slug: str, prefix: str, as_json: bool) -> None:
    """End a token at once."""

    async def revoked(settings: Settings) -> dict[str, str]:
        subject = await organizations.operator_of(slug, origin=origin())
        token = await scim_tokens.by_prefix(subject, prefix)
        await scim_tokens.revoke(subject, token.id)
        return {"name": token.name, "prefix": token.prefix}

    answer(run(revoked), headline=f"The SCIM token of {slug} is revoked.", as_json=as_json)

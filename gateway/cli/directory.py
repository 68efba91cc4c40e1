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

"""`gatepost migrate`."""

import click

from gateway.cli.opening import run
from gateway.settings import Settings
from models.migrating import upgrade


@click.command()
def migrate() -> None:
    """Bring the database to the tables of this version."""
    done = run(_upgrade, migrated=False)
    click.echo(f"Applied {len(done)} migrations." if done else "There was nothing to migrate.")


async def _upgrade(settings: Settings) -> list[str]:
    return await upgrade(lambda name: click.echo(f"Applying {name} ..."))

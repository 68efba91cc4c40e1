"""`gatepost secrets`: the keys that stored secrets are encrypted with."""

import click
from cryptography.fernet import Fernet

from gateway.cli.opening import run
from gateway.settings import Settings
from identity.secrets import rotate_all


@click.group("secrets")
def secret_keys() -> None:
    """Make and rotate the keys of stored secrets."""


@secret_keys.command("new-key")
def new_key() -> None:
    """Print a new key. Put it in front of the others in GATEPOST_SECRET_KEYS."""
    click.echo(Fernet.generate_key().decode())


@secret_keys.command()
def rotate() -> None:
    """Encrypt every stored secret with the first key."""
    count = run(_rotate)
    click.echo(f"Encrypted {count} secrets with the first key; the older keys can go.")


async def _rotate(settings: Settings) -> int:
    return await rotate_all()

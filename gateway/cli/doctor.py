"""`gatepost doctor`: what stands in the way of serving, and what to do about it."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import click

from gateway.cli.opening import FAILURES, open_database, sentence
from gateway.settings import Settings, SettingsError, load, variable
from identity.loopback import LOOPBACK_HOSTS
from identity.secrets import unreadable
from models.migrating import pending
from models.secret import SecretKeyError, keyring


class Problem(Exception):
    """A check failed; the text says what to do."""


@click.command()
@click.option("--settings", "list_settings", is_flag=True, help="List the settings and stop.")
def doctor(list_settings: bool) -> None:
    """Check settings, keys, database and stored secrets; exit code 1 on a problem."""
    if list_settings:
        click.echo("\n".join(known_settings()))
        return
    problems = 0
    for name, finding, is_problem in asyncio.run(findings()):
        problems += is_problem
        click.echo(f"{'PROBLEM' if is_problem else 'ok':<8} {name:<15} {finding}")
    if problems:
        raise click.ClickException(f"{problems} of the checks failed.")


Finding = tuple[str, str, bool]


async def findings() -> list[Finding]:
    """One a check: its name, what was found or is to be done, and whether that is a problem.

    What depends on a failed check is left out. Nothing is written.
    """
    try:
        settings = load()
    except SettingsError as error:
        return [("settings", line, True) for line in str(error).splitlines()]
    return [
        ("settings", "every GATEPOST_ variable is known and fits", False),
        ("public URL", _public_url(settings), False),
        *await _database_findings(settings),
    ]


def _public_url(settings: Settings) -> str:
    if urlsplit(settings.public_url).hostname in LOOPBACK_HOSTS:
        return f"{settings.public_url}, for this machine only; set {variable('public_url')}"
    return settings.public_url


async def _database_findings(settings: Settings) -> list[Finding]:
    path = settings.sqlite_path
    if path is not None and not path.exists():
        return [("database", f"There is none at {path} yet. Run: gatepost migrate", True)]
    if settings.key_file is not None and not settings.key_file.exists():
        keys = f"{settings.key_file} is gone. Put it back: stored secrets open with it alone"
        return [("secret keys", keys, True)]
    try:
        keyring.use(settings.keys())
    except SecretKeyError as error:
        return [("secret keys", str(error), True)]
    found: list[Finding] = [("secret keys", _keys(settings), False)]
    try:
        async with open_database(settings, migrated=False):
            found.append(("database", "answers", False))
            found.extend(await _content_findings())
    except FAILURES as error:
        found.append(("database", sentence(error), True))
    return found


def _keys(settings: Settings) -> str:
    where = settings.key_file or variable("secret_keys")
    return f"{len(settings.keys())} in {where}"


async def _content_findings() -> list[Finding]:
    missing = await pending()
    if missing:
        return [("migrations", f"{', '.join(missing)} missing. Run: gatepost migrate", True)]
    found = [("migrations", "all applied", False)]
    total, closed = await unreadable()
    if closed:
        text = (
            f"{closed} of {total} open with none of the keys. "
            f"Put the key they were written with back at the end of {variable('secret_keys')}"
        )
        return [*found, ("stored secrets", text, True)]
    return [*found, ("stored secrets", f"all {total} open with the keys", False)]


def known_settings() -> Iterator[str]:
    """Each setting with its default and its meaning."""
    for name, field in Settings.model_fields.items():
        default = f" (default: {field.default})" if field.default not in ((), None) else ""
        yield f"{variable(name)}{default}"
        yield from (f"    {line}" for line in (field.description or "").splitlines())

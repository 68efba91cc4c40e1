"""`gatepost audit export`."""

import sys
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import IO
from uuid import UUID

import click

from gateway.cli.opening import origin, run
from gateway.cli.options import in_utc, of_organization
from gateway.settings import Settings
from identity import audit_export as exporting
from identity import organizations, workspaces
from identity.audit.filters import EventFilter, actions_like
from identity.audit_export import Export, Format
from identity.subject import Subject
from models.audit_event import Outcome, ViaType
from schema.audit.ids import row_named

DAY_OR_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])


@click.command()
@of_organization
@click.option(
    "--format",
    "format_",
    type=click.Choice([each.value for each in Format]),
    default=Format.CSV.value,
    show_default=True,
    help="How events are written.",
)
@click.option("--workspace", "workspace_slug", help="Only what was done in the one of this slug.")
@click.option("--actor", help="Only what was done by a member of this address, or by this id.")
@click.option("--action", "actions", multiple=True, help="Only this, e.g. role.* or *.delete.")
@click.option("--target", help="Only what was done to what has this id.")
@click.option("--ip", help="Only what came from this address.")
@click.option("--via", multiple=True, type=click.Choice([each.value for each in ViaType]))
@click.option("--outcome", multiple=True, type=click.Choice([each.value for each in Outcome]))
@click.option("--from", "from_at", type=DAY_OR_MOMENT, help="Not before this day or moment, UTC.")
@click.option("--before", "before_at", type=DAY_OR_MOMENT, help="Before it.")
@click.option("--text", help="Words of names, actions and reasons.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A new file for it, instead of standard output.",
)
def export(
    slug: str,
    format_: str,
    workspace_slug: str | None,
    actor: str | None,
    actions: Sequence[str],
    target: str | None,
    ip: str | None,
    via: Sequence[str],
    outcome: Sequence[str],
    from_at: datetime | None,
    before_at: datetime | None,
    text: str | None,
    output: Path | None,
) -> None:
    """Write events, oldest first, and tell on standard error how far it is."""

    async def exported(settings: Settings) -> None:
        subject = await organizations.operator_of(slug, origin=origin())
        asked = EventFilter(
            actor_id=await _actor(subject, actor),
            target_id=None if target is None else row_named(target, field="--target"),
            ip=ip,
            actions=actions_like(actions, field="--action") if actions else None,
            via=frozenset(map(ViaType, via)) if via else None,
            outcomes=frozenset(map(Outcome, outcome)) if outcome else None,
            from_at=in_utc(from_at),
            before_at=in_utc(before_at),
            text=text,
        ).checked(field="the filter")
        begun = await exporting.begin(
            subject,
            format_=Format(format_),
            workspace_id=await _workspace(subject, workspace_slug),
            asked=asked,
        )
        if output is None:
            await _write(begun, sys.stdout.buffer, slug)
        else:
            with _new(output) as file:
                await _write(begun, file, slug)

    run(exported)


async def _write(begun: Export, file: IO[bytes], slug: str) -> None:
    async def present() -> Subject:
        return await organizations.operator_of(slug)

    tells = sys.stderr.isatty()
    async with aclosing(begun.parts(present)) as parts:
        async for part in parts:
            file.write(part)
            if tells:
                click.echo(f"\r{_so_far(begun)}", nl=False, err=True)
    file.flush()
    click.echo(f"{chr(13) if tells else ''}{begun.done} events.", err=True)


def _so_far(begun: Export) -> str:
    size = begun.estimate
    about = "" if size.exact else "about "
    share = min(99, 100 * begun.done // max(1, size.events))
    return f"{begun.done} events of {about}{size.events}, {share} %"


def _new(path: Path) -> IO[bytes]:
    """A file for the owner alone. Raises `UsageError` for one that is there."""
    try:
        path.touch(mode=0o600, exist_ok=False)
        return path.open("wb")
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from error


async def _actor(subject: Subject, given: str | None) -> UUID | None:
    if given is None:
        return None
    if "@" in given:
        return (await organizations.member_with_address(subject.organization_id, given)).id
    return row_named(given, field="--actor")


async def _workspace(subject: Subject, slug: str | None) -> UUID | None:
    return None if slug is None else (await workspaces.by_slug(subject.access, slug)).id

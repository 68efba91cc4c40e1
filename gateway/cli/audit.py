"""`gatepost audit`."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import click

from gateway.cli.audit_export import export as export_command
from gateway.cli.changes import made
from gateway.cli.opening import origin, run
from gateway.cli.options import of_organization
from gateway.cli.printing import answer, as_json
from gateway.settings import Settings
from identity import legal_hold, organizations
from identity.audit import chain, sealed_file, sealed_file_check, sealing, signing, verifying
from identity.audit.chain import Checkpoint, PublicKeys
from identity.audit.finding import Finding
from identity.audit.sealed_file_check import FileReport
from identity.audit.verifying import Report
from identity.subject import DEPLOYMENT, deployment_operator
from models.organization import Organization
from schema.ids import global_id

LONGEST_LINE = 64 * 1024 * 1024

a_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def audit() -> None:
    """The audit log: taking it along, what proves it, and how long it is kept."""


audit.add_command(export_command)


@audit.command()
@click.option("--org", "slug", help="The slug of the organization; without it, all of them.")
@click.option("--file", "export", type=a_file, help="A sealed export, instead of the database.")
@click.option(
    "--public-key",
    "key_files",
    type=a_file,
    multiple=True,
    help="A file with keys that signatures are checked with; without it, those of the database.",
)
@click.option(
    "--checkpoint",
    "kept_file",
    type=a_file,
    help="A checkpoint that was kept elsewhere: the log must still have what it had then.",
)
@as_json
def verify(
    slug: str | None,
    export: Path | None,
    key_files: Sequence[Path],
    kept_file: Path | None,
    as_json: bool,
) -> None:
    """Check that nobody altered, removed, inserted or reordered an event; exit code 1 if so.

    The first such event is named. A file is checked with the public keys alone: there need be no
    database and no settings.
    """
    given = _public_keys(key_files)
    if export is not None:
        if given is None or slug is not None or kept_file is not None:
            raise click.UsageError("--file goes with --public-key, and with nothing else.")
        with export.open("rb") as file:
            report = sealed_file_check.check(_lines(file), given)
        _tell([_of_file(report)], as_json=as_json)
        return
    if kept_file is not None and slug is None:
        raise click.UsageError("--checkpoint goes with --org.")
    kept = None if kept_file is None else _kept(kept_file)

    async def verified(settings: Settings) -> list[dict[str, object]]:
        keys = given or await signing.trusted_keys()
        if kept is not None and not keys.signed(kept[0].statement(), kept[1]):
            raise click.ClickException("The checkpoint is signed by no key of ours.")
        against = None if kept is None else kept[0]
        return [
            _of_log(name, await verifying.verify(id_, keys, kept=against))
            for name, id_ in await _logs(slug)
        ]

    _tell(run(verified), as_json=as_json)


@audit.command("public-key")
def public_key() -> None:
    """Print the public keys that signatures are checked with, newest first."""

    async def found(settings: Settings) -> list[str]:
        await signing.signing_key()
        return [chain.pem(key) for key in await signing.public_keys()]

    click.echo("\n".join(run(found)), nl=False)


@audit.command("rotate-key")
def rotate_key() -> None:
    """Sign with a new key from now on. What is signed already stays valid by the older ones."""

    async def rotated(settings: Settings) -> str:
        return await signing.rotate(deployment_operator(origin()))

    click.echo(f"The audit log is signed with the key {run(rotated)} from now on.")


@audit.command()
@of_organization
def checkpoint(slug: str) -> None:
    """Print the newest signed checkpoint, to be kept where nobody of this machine can write.

    With it, `verify --checkpoint` also finds out if the end of the log was cut off.
    """

    async def found(settings: Settings) -> str:
        subject = await organizations.operator_of(slug, origin=origin())
        await sealing.seal(subject.organization_id)
        keys = await signing.trusted_keys()
        async for row, stated in sealing.checkpoints_down(subject.organization_id):
            if keys.signed(stated.statement(), row.signature):
                return json.dumps(sealed_file.signed_statement(row))
        raise click.ClickException(f"Nothing of {slug} is sealed.")

    click.echo(run(found))


@audit.command()
@of_organization
@click.option("--reason", required=True, help="Why, for the audit log.")
@as_json
def hold(slug: str, reason: str, as_json: bool) -> None:
    """Place a legal hold: nothing of the organization's audit log is deleted any more."""
    row = made(slug, partial(legal_hold.place, reason=reason))
    _told_of_hold(row, "The audit log is held.", as_json=as_json)


@audit.command()
@of_organization
@click.option("--reason", required=True, help="Why, for the audit log.")
@as_json
def release(slug: str, reason: str, as_json: bool) -> None:
    """End a legal hold. What it kept is not deleted for another 30 days."""
    row = made(slug, partial(legal_hold.release, reason=reason))
    _told_of_hold(row, "The hold is ended.", as_json=as_json)


def _told_of_hold(row: Organization, headline: str, *, as_json: bool) -> None:
    facts = {"organization": global_id("Organization", row.id)}
    answer(facts, headline=headline, as_json=as_json)


def _public_keys(files: Sequence[Path]) -> PublicKeys | None:
    if not files:
        return None
    try:
        return PublicKeys.of_pem("\n".join(file.read_text(encoding="utf-8") for file in files))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--public-key") from error


def _kept(file: Path) -> tuple[Checkpoint, bytes]:
    """A checkpoint that was printed once, and its signature."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        return Checkpoint.of(value), bytes.fromhex(value["signature"])
    except (ValueError, KeyError, TypeError) as error:
        raise click.BadParameter("This is no checkpoint.", param_hint="--checkpoint") from error


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(file.readline, LONGEST_LINE), b"")


async def _logs(slug: str | None) -> list[tuple[str, UUID]]:
    """What each log is called: one organization's, or everybody's and the deployment's own."""
    if slug is not None:
        subject = await organizations.operator_of(slug, origin=origin())
        return [(slug, subject.organization_id)]
    everybody = await Organization.all().order_by("slug")
    return [*((row.slug, row.id) for row in everybody), ("the deployment", DEPLOYMENT)]


def _of_log(name: str, report: Report) -> dict[str, object]:
    return {
        "log": name,
        "first": report.first,
        "last": report.last,
        "waiting": report.waiting,
        "finding": _facts(report.finding),
    }


def _of_file(report: FileReport) -> dict[str, object]:
    return {
        "log": f"the export of {report.organization_id}",
        "first": report.first,
        "last": report.last,
        "events": report.events,
        "filter": report.filter,
        "finding": _facts(report.finding),
    }


def _facts(finding: Finding | None) -> dict[str, object] | None:
    if finding is None:
        return None
    return {
        "kind": finding.kind.value,
        "sequence": finding.sequence,
        "event": None if finding.event_id is None else str(finding.event_id),
        "text": str(finding),
    }


def _tell(reports: Sequence[dict[str, object]], *, as_json: bool) -> None:
    """Print what was found, and end the command with exit code 1 if anything is wrong."""
    wrong = [report for report in reports if report["finding"] is not None]
    if as_json:
        click.echo(json.dumps(reports))
    for report in [] if as_json else reports:
        finding = report["finding"]
        text = finding["text"] if isinstance(finding, dict) else _whole(report)
        click.echo(f"{report['log']}: {text}", err=finding is not None)
    if wrong:
        click.get_current_context().exit(1)


def _whole(report: dict[str, object]) -> str:
    told = f"all of the numbers {report['first']} to {report['last']} is as it was sealed"
    if "events" in report:
        return f"{told}; {report['events']} events are in it."
    return f"{told}; {report['waiting']} events wait for their seals."

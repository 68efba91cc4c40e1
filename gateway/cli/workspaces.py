"""`gatepost workspace`."""

import click

from gateway.cli.changes import dry_run, made, print_preview
from gateway.cli.opening import origin, run
from gateway.cli.options import of_organization
from gateway.cli.printing import answer, as_json, listed
from gateway.settings import Settings
from identity import organizations, workspaces
from identity.subject import Subject
from models.listing import page
from models.workspace import Workspace
from schema.ids import global_id

by_slug = click.option("--workspace", required=True, metavar="SLUG", help="Its slug.")


@click.group()
def workspace() -> None:
    """Workspaces: opened, archived and brought back."""


@workspace.command("list")
@of_organization
@as_json
def list_workspaces(slug: str, as_json: bool) -> None:
    """The workspaces of an organization, by name."""

    async def found(settings: Settings) -> list[dict[str, str]]:
        subject = await organizations.operator_of(slug, origin=origin())
        return [_facts(row) for row in await page(workspaces.listing(subject.access))]

    listed(run(found), none=f"{slug} has no workspaces.", as_json=as_json)


@workspace.command()
@of_organization
@by_slug
@click.option("--name", required=True, help="What it is called.")
@as_json
def create(slug: str, workspace: str, name: str, as_json: bool) -> None:
    """Open a workspace."""

    async def created(subject: Subject) -> Workspace:
        return await workspaces.create(subject, slug=workspace, name=name)

    answer(_facts(made(slug, created)), headline=f"{name} is open.", as_json=as_json)


@workspace.command()
@of_organization
@by_slug
@dry_run
@as_json
def archive(slug: str, workspace: str, dry_run: bool, as_json: bool) -> None:
    """Leave a workspace to be read only. Nothing is deleted."""

    async def archived(subject: Subject) -> Workspace:
        row = await workspaces.by_slug(subject.access, workspace)
        return await workspaces.archive(subject, row.id)

    if dry_run:
        print_preview(slug, archived, as_json=as_json)
        return
    answer(_facts(made(slug, archived)), headline=f"{workspace} is archived.", as_json=as_json)


@workspace.command()
@of_organization
@by_slug
@dry_run
@as_json
def restore(slug: str, workspace: str, dry_run: bool, as_json: bool) -> None:
    """Bring an archived workspace back."""

    async def restored(subject: Subject) -> Workspace:
        row = await workspaces.by_slug(subject.access, workspace)
        return await workspaces.restore(subject, row.id)

    if dry_run:
        print_preview(slug, restored, as_json=as_json)
        return
    answer(_facts(made(slug, restored)), headline=f"{workspace} is active.", as_json=as_json)


def _facts(row: Workspace) -> dict[str, str]:
    return {
        "workspace": global_id("Workspace", row.id),
        "slug": row.slug,
        "name": row.name,
        "state": row.state.value,
    }

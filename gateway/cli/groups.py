"""`gatepost group`."""

from collections.abc import Sequence
from uuid import UUID

import click

from gateway.cli.changes import dry_run, made, print_preview
from gateway.cli.opening import origin, run
from gateway.cli.options import of_organization
from gateway.cli.printing import answer, as_json, listed
from gateway.settings import Settings
from identity import groups, manual_groups, organizations
from identity.subject import Subject
from models.group import Group
from models.listing import page
from schema.ids import global_id

by_name = click.option("--name", required=True, help="The name of the group.")
some_members = click.option(
    "--email", "emails", multiple=True, help="The address of a member; may be given several times."
)
those_members = click.option(
    "--email",
    "emails",
    multiple=True,
    required=True,
    help="The address of a member; may be given several times.",
)


@click.group()
def group() -> None:
    """Groups that people keep, and those of a directory to read."""


@group.command("list")
@of_organization
@as_json
def list_groups(slug: str, as_json: bool) -> None:
    """The groups of an organization, by name."""

    async def found(settings: Settings) -> list[dict[str, str]]:
        subject = await organizations.operator_of(slug, origin=origin())
        return [_facts(row) for row in await page(groups.listing(subject.access))]

    listed(run(found), none=f"{slug} has no groups.", as_json=as_json)


@group.command()
@of_organization
@by_name
@some_members
@as_json
def create(slug: str, name: str, emails: Sequence[str], as_json: bool) -> None:
    """Make a group."""

    async def created(settings: Settings) -> dict[str, str]:
        subject = await organizations.operator_of(slug, origin=origin())
        ids = await _members(subject, emails)
        return _facts(await manual_groups.create(subject, name=name, member_ids=ids))

    answer(run(created), headline=f"{slug} has the group {name}.", as_json=as_json)


@group.command()
@of_organization
@by_name
@those_members
@dry_run
@as_json
def add(slug: str, name: str, emails: Sequence[str], dry_run: bool, as_json: bool) -> None:
    """Add members to a group: they get its roles."""

    async def added(subject: Subject) -> Group:
        row = await groups.by_name(subject.access, name)
        ids = await _members(subject, emails)
        return await manual_groups.update(subject, row.id, expected_version=row.version, add=ids)

    if dry_run:
        print_preview(slug, added, as_json=as_json)
        return
    facts = _facts(made(slug, added))
    answer(facts, headline=f"{', '.join(emails)} joined {name}.", as_json=as_json)


@group.command()
@of_organization
@by_name
@those_members
@dry_run
@as_json
def remove(slug: str, name: str, emails: Sequence[str], dry_run: bool, as_json: bool) -> None:
    """Take members out of a group: they lose its roles."""

    async def removed(subject: Subject) -> Group:
        row = await groups.by_name(subject.access, name)
        ids = await _members(subject, emails)
        return await manual_groups.update(subject, row.id, expected_version=row.version, remove=ids)

    if dry_run:
        print_preview(slug, removed, as_json=as_json)
        return
    facts = _facts(made(slug, removed))
    answer(facts, headline=f"{', '.join(emails)} left {name}.", as_json=as_json)


@group.command()
@of_organization
@by_name
@dry_run
@as_json
def delete(slug: str, name: str, dry_run: bool, as_json: bool) -> None:
    """Delete a group with its roles."""

    async def deleted(subject: Subject) -> Group:
        row = await groups.by_name(subject.access, name)
        return await manual_groups.delete(subject, row.id)

    if dry_run:
        print_preview(slug, deleted, as_json=as_json)
        return
    facts = {"group": global_id("Group", made(slug, deleted).id)}
    answer(facts, headline=f"The group {name} is deleted.", as_json=as_json)


async def _members(subject: Subject, emails: Sequence[str]) -> list[UUID]:
    """The members of these addresses. Raises `NotFound` and `Conflict`."""
    return [
        (await organizations.member_with_address(subject.organization_id, email)).id
        for email in emails
    ]


def _facts(row: Group) -> dict[str, str]:
    return {"group": global_id("Group", row.id), "name": row.name, "source": row.source.value}

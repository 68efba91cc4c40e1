"""`gatepost member`."""

from datetime import datetime

import click

from gateway.cli.changes import dry_run, made, print_preview
from gateway.cli.invitations import sent
from gateway.cli.opening import origin, run
from gateway.cli.options import in_utc, of_address, of_organization, until_a_day, with_reason
from gateway.cli.printing import answer, as_json, listed
from gateway.settings import Settings
from identity import invitations, members, organizations, roles, workspaces
from identity.assignments import Scope
from identity.subject import Subject
from models.assignment import ScopeType
from models.listing import page
from models.member import Member
from schema.ids import global_id


@click.group()
def member() -> None:
    """Members: invited, suspended, brought back, removed."""


@member.command("list")
@of_organization
@as_json
def list_members(slug: str, as_json: bool) -> None:
    """Who is in an organization, newest first."""

    async def found(settings: Settings) -> list[dict[str, str]]:
        subject = await organizations.operator_of(slug, origin=origin())
        return [_facts(row) for row in await page(members.listing(subject.access))]

    listed(run(found), none=f"{slug} has no members.", as_json=as_json)


@member.command()
@of_organization
@of_address
@click.option("--role", required=True, help="The name of the role that they will have.")
@click.option("--workspace", help="The slug of a workspace. Without it: the whole organization.")
@until_a_day
@as_json
def invite(
    slug: str,
    email: str,
    role: str,
    workspace: str | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Invite somebody to a role. The link to accept with is mailed, or printed where no mail server
    is set up.
    """

    async def invited(settings: Settings) -> dict[str, str]:
        subject = await organizations.operator_of(slug, origin=origin())
        made, token = await invitations.invite(
            subject,
            email=email,
            role_id=(await roles.by_name(subject.access, role)).id,
            scope=await _scope(subject, workspace),
            access_expires_at=in_utc(until),
        )
        return await sent(settings, made, token)

    answer(run(invited), headline=f"{email} is invited to {slug}.", as_json=as_json)


@member.command()
@of_organization
@of_address
@with_reason
@dry_run
@as_json
def suspend(slug: str, email: str, reason: str | None, dry_run: bool, as_json: bool) -> None:
    """Take a member's access, sessions included, until somebody gives it back."""

    async def suspended(subject: Subject) -> Member:
        row = await organizations.member_with_address(subject.organization_id, email)
        return await members.suspend(subject, row.id, reason=reason)

    if dry_run:
        print_preview(slug, suspended, as_json=as_json)
        return
    row = made(slug, suspended)
    answer(_facts(row), headline=f"{email} is suspended in {slug}.", as_json=as_json)


@member.command()
@of_organization
@of_address
@dry_run
@as_json
def reactivate(slug: str, email: str, dry_run: bool, as_json: bool) -> None:
    """Give a suspended member their access back, whoever suspended them."""

    async def reactivated(subject: Subject) -> Member:
        row = await organizations.member_with_address(subject.organization_id, email)
        return await members.reactivate(subject, row.id)

    if dry_run:
        print_preview(slug, reactivated, as_json=as_json)
        return
    row = made(slug, reactivated)
    answer(_facts(row), headline=f"{email} is active in {slug}.", as_json=as_json)


@member.command()
@of_organization
@of_address
@with_reason
@dry_run
@as_json
def remove(slug: str, email: str, reason: str | None, dry_run: bool, as_json: bool) -> None:
    """Take a member out, with their sessions and roles."""

    async def removed(subject: Subject) -> Member:
        row = await organizations.member_with_address(subject.organization_id, email)
        return await members.remove(subject, row.id, reason=reason)

    if dry_run:
        print_preview(slug, removed, as_json=as_json)
        return
    facts = {"member": global_id("Member", made(slug, removed).id)}
    answer(facts, headline=f"{email} is no longer in {slug}.", as_json=as_json)


async def _scope(subject: Subject, workspace: str | None) -> Scope:
    if workspace is None:
        return Scope(ScopeType.ORGANIZATION, subject.organization_id)
    return Scope(ScopeType.WORKSPACE, (await workspaces.by_slug(subject.access, workspace)).id)


def _facts(row: Member) -> dict[str, str]:
    return {
        "member": global_id("Member", row.id),
        "email": row.email,
        "name": row.name,
        "status": row.status.value,
    }

"""`gatepost org` and `gatepost recover-owner`."""

from datetime import timedelta
from typing import NamedTuple

import click

from gateway.cli.changes import dry_run, made, print_preview
from gateway.cli.opening import origin, run
from gateway.cli.options import of_organization
from gateway.cli.printing import answer, as_json
from gateway.mailing import courier_of, delivered
from gateway.settings import Settings, variable
from identity import organizations
from identity.mail import Courier
from identity.sso import links
from identity.subject import Subject, operator
from identity.writing import one_transaction
from models.mail import Mail
from models.member import Member
from models.organization import Organization, Plan
from schema.ids import global_id

LINK_LIFETIME = timedelta(hours=24)

by_mail = click.option(
    "--mail", "by_mail", is_flag=True, help="Mail the link, and do not print it."
)


@click.group("org")
def organization() -> None:
    """Open organizations, and change their plan."""


@organization.command()
@click.option("--slug", required=True, help="Its name in addresses, e.g. acme-mail.")
@click.option("--name", required=True, help="Its name for people.")
@click.option(
    "--plan",
    required=True,
    type=click.Choice([plan.name for plan in Plan], case_sensitive=False),
)
@click.option("--owner", required=True, metavar="EMAIL", help="Who owns it.")
@by_mail
@as_json
def create(slug: str, name: str, plan: str, owner: str, by_mail: bool, as_json: bool) -> None:
    """Open an organization with one workspace and one owner.

    The owner signs in with the link that is printed or mailed: once, within 24 hours.
    """

    async def opened(settings: Settings) -> dict[str, str]:
        courier = _courier(settings) if by_mail else None
        async with one_transaction():
            new = await organizations.create(
                slug=slug, name=name, plan=Plan[plan.upper()], owner_email=owner, origin=origin()
            )
            subject = operator(new.organization.id, new.organization.plan, origin=origin())
            link = await _link(subject, new.owner, mailed=by_mail)
        return {
            "organization": global_id("Organization", new.organization.id),
            "workspace": global_id("Workspace", new.workspace.id),
            "owner": global_id("Member", new.owner.id),
            **await _handed_out(settings, courier, link),
        }

    answer(run(opened), headline=f"{name} is open.", as_json=as_json)


@organization.command()
@of_organization
@click.option(
    "--plan",
    "name",
    required=True,
    type=click.Choice([plan.name for plan in Plan], case_sensitive=False),
)
@dry_run
@as_json
def plan(slug: str, name: str, dry_run: bool, as_json: bool) -> None:
    """Put an organization on another plan. Nothing is deleted."""
    wanted = Plan[name.upper()]

    async def changed(subject: Subject) -> Organization:
        return await organizations.change_plan(subject, wanted)

    if dry_run:
        print_preview(slug, changed, as_json=as_json)
        return
    row = made(slug, changed)
    facts = {"organization": global_id("Organization", row.id), "plan": row.plan.name}
    answer(facts, headline=f"{slug} is on the plan {wanted.name}.", as_json=as_json)


@click.command("recover-owner")
@click.option("--org", "slug", required=True, help="The slug of the organization.")
@click.option("--email", required=True, help="The address of a member.")
@by_mail
@as_json
def recover_owner(slug: str, email: str, by_mail: bool, as_json: bool) -> None:
    """Make a member an active owner again, and print a one-time sign-in link.

    For when nobody gets in any more. It is recorded in the audit log.
    """

    async def recovered(settings: Settings) -> dict[str, str]:
        courier = _courier(settings) if by_mail else None
        subject = await organizations.operator_of(slug, origin=origin())
        async with one_transaction():
            member = await organizations.recover_owner(subject, email=email)
            link = await _link(subject, member, mailed=by_mail)
        return {
            "member": global_id("Member", member.id),
            **await _handed_out(settings, courier, link),
        }

    answer(run(recovered), headline=f"{email} is an owner of {slug}.", as_json=as_json)


class Link(NamedTuple):
    """A one-time sign-in link, and the mail that it is sent with, if it is mailed."""

    token: str
    mail: Mail | None


def _courier(settings: Settings) -> Courier:
    """What mails are delivered by. Raises `UsageError` where nothing is set up."""
    courier = courier_of(settings)
    if courier is None:
        raise click.UsageError(f"--mail needs a mail server: set {variable('smtp_url')}.")
    return courier


async def _link(subject: Subject, member: Member, *, mailed: bool) -> Link:
    token = await links.create(subject, member, lifetime=LINK_LIFETIME)
    if not mailed:
        return Link(token, None)
    return Link(token, await links.post(subject, member, token, lifetime=LINK_LIFETIME))


async def _handed_out(settings: Settings, courier: Courier | None, link: Link) -> dict[str, str]:
    """What to tell of the link: itself, or what became of its mail."""
    if courier is None or link.mail is None:
        return {"sign_in_url": links.link_url(settings.public_url, link.token)}
    return {"mail": await delivered(courier, link.mail.id)}

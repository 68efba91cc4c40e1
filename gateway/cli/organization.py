"""`gatepost org` and `gatepost recover-owner`."""

from datetime import timedelta

import click

from gateway.cli.opening import origin, run
from gateway.cli.printing import answer, as_json
from gateway.settings import Settings
from identity import organizations
from identity.sso import links
from identity.subject import Subject, operator
from identity.writing import one_transaction
from models.member import Member
from models.organization import Plan
from schema.ids import global_id

LINK_LIFETIME = timedelta(hours=24)


@click.group("org")
def organization() -> None:
    """Open organizations."""


@organization.command()
@click.option("--slug", required=True, help="Its name in addresses, e.g. acme-mail.")
@click.option("--name", required=True, help="Its name for people.")
@click.option(
    "--plan",
    required=True,
    type=click.Choice([plan.name for plan in Plan], case_sensitive=False),
)
@click.option("--owner", required=True, metavar="EMAIL", help="Who owns it.")
@as_json
def create(slug: str, name: str, plan: str, owner: str, as_json: bool) -> None:
    """Open an organization with one workspace and one owner.

    The owner signs in with the link that is printed: once, within 24 hours.
    """

    async def opened(settings: Settings) -> dict[str, str]:
        async with one_transaction():
            new = await organizations.create(
                slug=slug, name=name, plan=Plan[plan.upper()], owner_email=owner, origin=origin()
            )
            subject = operator(new.organization.id, new.organization.plan, origin=origin())
            return {
                "organization": global_id("Organization", new.organization.id),
                "workspace": global_id("Workspace", new.workspace.id),
                "owner": global_id("Member", new.owner.id),
                "sign_in_url": await _link(settings, subject, new.owner),
            }

    answer(run(opened), headline=f"{name} is open.", as_json=as_json)


@click.command("recover-owner")
@click.option("--org", "slug", required=True, help="The slug of the organization.")
@click.option("--email", required=True, help="The address of a member.")
@as_json
def recover_owner(slug: str, email: str, as_json: bool) -> None:
    """Make a member an active owner again, and print a one-time sign-in link.

    For when nobody gets in any more. It is recorded in the audit log.
    """

    async def recovered(settings: Settings) -> dict[str, str]:
        subject = await organizations.operator_of(slug, origin=origin())
        async with one_transaction():
            member = await organizations.recover_owner(subject, email=email)
            return {
                "member": global_id("Member", member.id),
                "sign_in_url": await _link(settings, subject, member),
            }

    answer(run(recovered), headline=f"{email} is an owner of {slug}.", as_json=as_json)


async def _link(settings: Settings, subject: Subject, member: Member) -> str:
    token = await links.create(subject, member, lifetime=LINK_LIFETIME)
    return links.link_url(settings.public_url, token)

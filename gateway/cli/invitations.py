"""`gatepost invitation`."""

import click

from gateway.cli.opening import origin, run
from gateway.cli.options import of_address, of_organization
from gateway.cli.printing import answer, as_json, listed
from gateway.mailing import courier_of, delivered
from gateway.settings import Settings
from identity import invitations, organizations
from models.invitation import Invitation
from models.listing import page
from schema.ids import global_id


@click.group()
def invitation() -> None:
    """Invitations: who was invited, sent again, revoked."""


@invitation.command("list")
@of_organization
@as_json
def list_invitations(slug: str, as_json: bool) -> None:
    """Who was invited to an organization, newest first."""

    async def found(settings: Settings) -> list[dict[str, str]]:
        subject = await organizations.operator_of(slug, origin=origin())
        return [_facts(row) for row in await page(invitations.listing(subject.access))]

    listed(run(found), none=f"Nobody was invited to {slug}.", as_json=as_json)


@invitation.command()
@of_organization
@of_address
@as_json
def resend(slug: str, email: str, as_json: bool) -> None:
    """Make a new link, which is mailed or printed; the one that was sent before is over."""

    async def resent(settings: Settings) -> dict[str, str]:
        subject = await organizations.operator_of(slug, origin=origin())
        row = await invitations.latest_for(subject.access, email)
        return await sent(settings, *await invitations.resend(subject, row.id))

    answer(run(resent), headline=f"{email} is invited to {slug} again.", as_json=as_json)


@invitation.command()
@of_organization
@of_address
@as_json
def revoke(slug: str, email: str, as_json: bool) -> None:
    """End an invitation at once."""

    async def revoked(settings: Settings) -> dict[str, str]:
        subject = await organizations.operator_of(slug, origin=origin())
        row = await invitations.latest_for(subject.access, email)
        return _facts(await invitations.revoke(subject, row.id))

    answer(run(revoked), headline=f"The invitation of {email} is over.", as_json=as_json)


async def sent(settings: Settings, row: Invitation, token: str) -> dict[str, str]:
    """What to tell of an invitation whose link is on its way: whether it was mailed, or else the
    link, which is shown this once.
    """
    courier = courier_of(settings)
    if courier is None:
        link = settings.public_url + invitations.invitation_path(token)
        return {**_facts(row), "accept_url": link}
    return {**_facts(row), "mail": await delivered(courier, row.mail_id)}


def _facts(row: Invitation) -> dict[str, str]:
    return {
        "invitation": global_id("Invitation", row.id),
        "email": row.email,
        "status": invitations.status_of(row).value,
        "expires_at": row.expires_at.isoformat(timespec="seconds"),
    }

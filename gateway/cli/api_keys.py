"""`gatepost api-key`."""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import click

from gateway.cli.opening import origin, run
from gateway.cli.options import of_organization, with_reason
from gateway.cli.printing import answer, as_json, listed
from gateway.settings import Settings
from identity import organizations, roles, workspaces
from identity.access.permissions import Permission, parse_permission
from identity.api_keys import issuing, reading
from identity.api_keys.checking import DEFAULT_DAYS
from identity.api_keys.issuing import DEFAULT_OVERLAP
from identity.api_keys.wanted import Expiry, KeyChange, Limits, NewKey
from identity.assignments import Scope
from identity.credentials.key_tokens import prefix_of
from identity.refusals import BadInput
from identity.subject import Subject
from models.api_key import ApiKey, ApiKeyKind, ApiKeyUse, use_at
from models.assignment import ScopeType
from models.clock import now
from models.document_mode import DocumentMode
from models.listing import page
from models.member import Member
from schema.ids import global_id
from schema.members.mutations import scope_of

_key = click.argument("key")
_expiry = (
    click.option(
        "--days",
        type=click.IntRange(1, 3650),
        help=f"After how many days the key ends.  [default: {DEFAULT_DAYS}]",
    ),
    click.option("--never", is_flag=True, help="It ends only when somebody ends it."),
)


def _with_expiry(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_expiry):
        command = option(command)
    return command


@click.group("api-key")
def api_key() -> None:
    """API keys: credentials of services. KEY is how a key begins, such as gp_live_…, or its id."""


@api_key.command()
@of_organization
@click.option(
    "--as", "email", metavar="EMAIL", required=True, help="The member who answers for it."
)
@click.option("--name", default="API key", show_default=True, help="What it is for.")
@click.option("--scope", "scopes", multiple=True, required=True, help="A permission; repeatable.")
@click.option("--workspace", "slugs", multiple=True, help="Only in this workspace; repeatable.")
@click.option("--resource", "resources", multiple=True, metavar="ID", help="Only at this resource.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="Only from there.")
@click.option("--service", is_flag=True, help="The organization's own; the member is its sponsor.")
@click.option("--role", help="The role that a service key gets, where it is limited to.")
@click.option("--administrative", is_flag=True, help="It may carry scopes that administrate.")
@click.option(
    "--documents",
    type=click.Choice([each.value for each in DocumentMode]),
    help="As trusted documents.",
)
@click.option("--rate-limit", type=click.IntRange(1), help="Cost of its operations in a minute.")
@_with_expiry
@as_json
def create(
    slug: str,
    email: str,
    name: str,
    scopes: Sequence[str],
    slugs: Sequence[str],
    resources: Sequence[str],
    networks: Sequence[str],
    service: bool,
    role: str | None,
    administrative: bool,
    documents: str | None,
    rate_limit: int | None,
    days: int | None,
    never: bool,
    as_json: bool,
) -> None:
    """Issue a key. It is shown this once; only its hash is stored.

    A member's own key carries what the member holds, and no more; a service key what roles give it.
    """

    async def issued(settings: Settings) -> dict[str, str]:
        subject = await organizations.operator_of(slug, origin=origin())
        member = await organizations.member_with_address(subject.organization_id, email)
        within = [await workspaces.by_slug(subject.access, each) for each in slugs]
        given = None if role is None else await roles.by_name(subject.access, role)
        if given is not None and len(within) > 1:
            raise BadInput("Give a role at one workspace, or at the organization.", field="--role")
        role_at = Scope(ScopeType.ORGANIZATION, subject.organization_id)
        if within:
            role_at = Scope(ScopeType.WORKSPACE, within[0].id)
        limits = Limits(
            workspaces=[each.id for each in within] or None,
            resources=[scope_of(each) for each in resources] or None,
            networks=networks,
            document_mode=None if documents is None else DocumentMode(documents),
            rate_limit=rate_limit,
        )
        new = NewKey(
            kind=ApiKeyKind.SERVICE if service else ApiKeyKind.PERSONAL,
            name=name,
            scopes=_permissions(scopes),
            administrative=administrative,
            limits=limits,
            expiry=_expiry_of(days, never=never),
            member_id=member.id,
            role_id=None if given is None else given.id,
            role_at=None if given is None else role_at,
        )
        key, token = await issuing.create(subject, new)
        return {"token": token, "id": global_id("ApiKey", key.id), "prefix": prefix_of(key.id)}

    answer(run(issued), headline=f"{slug} has a new API key.", as_json=as_json)


@api_key.command("list")
@of_organization
@click.option(
    "--class",
    "use",
    type=click.Choice([each.value for each in ApiKeyUse]),
    help="By when it was used.",
)
@click.option(
    "--kind", type=click.Choice([each.value for each in ApiKeyKind]), help="By whom it belongs to."
)
@click.option("--as", "email", metavar="EMAIL", help="Those that this member answers for.")
@click.option("--all", "with_ended", is_flag=True, help="Those that are over, too.")
@as_json
def list_keys(
    slug: str,
    use: str | None,
    kind: str | None,
    email: str | None,
    with_ended: bool,
    as_json: bool,
) -> None:
    """The keys of an organization, newest first."""

    async def found(settings: Settings) -> list[dict[str, str]]:
        subject = await organizations.operator_of(slug, origin=origin())
        member = None
        if email is not None:
            member = await organizations.member_with_address(subject.organization_id, email)
        asked = reading.Asked(
            member_id=None if member is None else member.id,
            use=None if use is None else ApiKeyUse(use),
            kind=None if kind is None else ApiKeyKind(kind),
            live=None if with_ended else True,
        )
        rows: list[ApiKey] = await page(reading.listing(subject.access, asked))
        people = await Member.filter(organization_id=subject.organization_id)
        names = {person.id: person.name for person in people}
        return [_line(row, names.get(row.member_id) if row.member_id else None) for row in rows]

    listed(run(found), none=f"{slug} has no such API keys.", as_json=as_json)


@api_key.command()
@of_organization
@_key
@as_json
def show(slug: str, key: str, as_json: bool) -> None:
    """What is known of a key; never the key itself."""

    async def found(settings: Settings) -> dict[str, Any]:
        subject = await organizations.operator_of(slug, origin=origin())
        row = await reading.by_prefix(subject.access, key)
        member = None
        if row.member_id is not None:
            member = await Member.get_or_none(
                id=row.member_id, organization_id=subject.organization_id
            )
        return _facts(row, member)

    facts = run(found)
    if as_json:
        click.echo(json.dumps(facts))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        said = ", ".join(value) if isinstance(value, list) else value
        click.echo(f"{name:<{width}}  {'' if said is None else said}")


@api_key.command()
@of_organization
@_key
@click.option(
    "--overlap-hours",
    type=click.IntRange(0),
    default=DEFAULT_OVERLAP // timedelta(hours=1),
    show_default=True,
    help="How long the secret of before is good, too.",
)
@_with_expiry
@as_json
def rotate(
    slug: str, key: str, overlap_hours: int, days: int | None, never: bool, as_json: bool
) -> None:
    """Give a key a new secret, which is shown this once. Without --days it ends when it did."""

    async def rotated(subject: Subject) -> dict[str, str]:
        row = await reading.by_prefix(subject.access, key)
        renewed = _expiry_of(days, never=never) if days is not None or never else None
        row, token = await issuing.rotate(
            subject, row.id, overlap=timedelta(hours=overlap_hours), expiry=renewed
        )
        return {"token": token, "id": global_id("ApiKey", row.id), "prefix": prefix_of(row.id)}

    answer(_made(slug, rotated), headline="The key has a new secret.", as_json=as_json)


@api_key.command()
@of_organization
@_key
@click.option("--email", required=True, help="The member who is to be its sponsor.")
@as_json
def sponsor(slug: str, key: str, email: str, as_json: bool) -> None:
    """Give a service key a new sponsor."""

    async def sponsored(subject: Subject) -> dict[str, str]:
        row = await reading.by_prefix(subject.access, key)
        member = await organizations.member_with_address(subject.organization_id, email)
        change = KeyChange(sponsor_id=member.id)
        row = await issuing.update(subject, row.id, change, expected_version=row.version)
        return _line(row, member.name)

    answer(_made(slug, sponsored), headline=f"{email} is its sponsor.", as_json=as_json)


@api_key.command()
@of_organization
@_key
@with_reason
@as_json
def revoke(slug: str, key: str, reason: str | None, as_json: bool) -> None:
    """End a key at once, with the roles that it was given."""

    async def revoked(subject: Subject) -> dict[str, str]:
        row = await reading.by_prefix(subject.access, key)
        await issuing.revoke(subject, row.id, reason=reason)
        return {"name": row.name, "prefix": prefix_of(row.id)}

    answer(_made(slug, revoked), headline="The key is over.", as_json=as_json)


def _made(slug: str, change: Callable[[Subject], Awaitable[dict[str, str]]]) -> dict[str, str]:
    async def changed(settings: Settings) -> dict[str, str]:
        return await change(await organizations.operator_of(slug, origin=origin()))

    return run(changed)


def _permissions(names: Sequence[str]) -> list[Permission]:
    found = []
    for name in names:
        permission = parse_permission(name)
        if permission is None:
            raise BadInput(f"{name!r} is no permission. See docs/permissions.md.", field="--scope")
        found.append(permission)
    return found


def _expiry_of(days: int | None, *, never: bool) -> Expiry:
    return Expiry(at=None if days is None else now() + timedelta(days=days), never=never)


def _line(row: ApiKey, member: str | None) -> dict[str, str]:
    return {
        "prefix": prefix_of(row.id),
        "name": row.name,
        "kind": row.kind.value,
        "member": member or "nobody",
        "class": use_at(now(), row.last_used_at).value,
        "ends": "never" if row.expires_at is None else f"{row.expires_at:%Y-%m-%d}",
        "state": "over" if row.is_over(now()) else "live",
    }


def _facts(row: ApiKey, member: Member | None) -> dict[str, Any]:
    used_at, ends, before = row.last_used_at, row.expires_at, row.previous_until
    return {
        **_line(row, None if member is None else member.name),
        "id": global_id("ApiKey", row.id),
        "scopes": row.scopes,
        "administrative": row.administrative,
        "workspaces": row.workspaces,
        "resources": None
        if row.resources is None
        else [f"{each['type']}:{each['id']}" for each in row.resources],
        "networks": row.networks,
        "documents": row.document_mode,
        "rate_limit": row.rate_limit,
        "ends": None if ends is None else ends.isoformat(),
        "previous_secret_until": None if before is None else before.isoformat(),
        "end_reason": row.end_reason,
        "last_used_at": None if used_at is None else used_at.isoformat(),
        "last_used_ip": row.last_used_ip,
        "last_used_operation": row.last_used_operation,
    }

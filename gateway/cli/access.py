"""`gatepost access`: who may do what, and why."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import click

from gateway.cli.opening import origin, run
from gateway.cli.options import of_organization
from gateway.cli.printing import as_json
from gateway.settings import Settings
from identity import answers, groups, least_privilege, organizations, past_access
from identity.access.permissions import Permission, parse_permission
from identity.answers import Explanation, Grantors, HeldGrant, Suggestion
from identity.assignments import Principal
from identity.least_privilege import DEFAULT_DAYS, HeldRole, MemberUse
from identity.refusals import BadInput
from identity.subject import Subject
from models.assignment import PrincipalType
from models.window import Window
from schema.access.queries import principal_of, scope_of
from schema.connection import cursor_of, page_of_rows, window_of
from schema.ids import PRINCIPAL_NODES, SCOPE_NODES, global_id

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
LARGEST = 100


def _options(*options: Callable[[CommandT], CommandT]) -> Callable[[CommandT], CommandT]:
    def decorate(command: CommandT) -> CommandT:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_at = click.option(
    "--at", metavar="ID", help="A workspace or a resource; without it, the organization."
)
_about = _options(
    click.option("--member", "email", metavar="EMAIL", help="The member it is about."),
    click.option("--group", metavar="NAME", help="The group it is about."),
)
_page = _options(
    click.option("--first", default=LARGEST, show_default=True, help="How many."),
    click.option("--after", metavar="CURSOR", help="Only what follows: the `next` of before."),
)


@click.group()
def access() -> None:
    """Who may do what, and why."""


@access.command()
@click.argument("permission")
@of_organization
@_about
@_at
@as_json
@click.pass_context
def can(
    ctx: click.Context,
    permission: str,
    slug: str,
    email: str | None,
    group: str | None,
    at: str | None,
    as_json: bool,
) -> None:
    """Say whether a member or a group may do something. Exit code 1: no."""
    found = run(_explaining(permission, slug, email, group, at))
    decision = found.explanation.decision
    said = {
        "permission": decision.permission.value,
        "allowed": decision.allowed,
        "reason": found.explanation.reason,
    }
    click.echo(json.dumps(said) if as_json else found.explanation.reason)
    ctx.exit(0 if decision.allowed else 1)


@access.command()
@click.argument("permission")
@of_organization
@_about
@_at
@as_json
def explain(
    permission: str, slug: str, email: str | None, group: str | None, at: str | None, as_json: bool
) -> None:
    """Say why a member or a group may do something, or what would allow it."""
    found = run(_explaining(permission, slug, email, group, at))
    if as_json:
        click.echo(json.dumps(found.facts()))
    else:
        click.echo("\n".join(found.lines()))


@access.command("who-can")
@click.argument("permission")
@of_organization
@_at
@_page
@as_json
def who_can(
    permission: str, slug: str, at: str | None, first: int, after: str | None, as_json: bool
) -> None:
    """List the active members who may do something, the newest first, with where it comes from."""

    async def listed(settings: Settings) -> dict[str, Any]:
        window = window_of(first, after)
        subject = await organizations.operator_of(slug, origin=origin())
        scope = scope_of(subject, at, field="--at")
        found = await answers.who_can(subject, _permission(permission), scope)
        holders, further = page_of_rows(await found.page(window), window)
        return {
            "holders": [_holder(each) for each in holders],
            "next": cursor_of(holders[-1].id) if further else None,
        }

    found = run(listed)
    if as_json:
        click.echo(json.dumps(found))
        return
    for holder in found["holders"]:
        click.echo(f"{holder['name']}: {holder['reason']}")
    _say_next(found)


@access.command("of")
@of_organization
@_about
@_page
@as_json
def of(
    slug: str, email: str | None, group: str | None, first: int, after: str | None, as_json: bool
) -> None:
    """List what a member or a group was given, the newest first, and what it comes to now."""

    async def listed(settings: Settings) -> dict[str, Any]:
        window = window_of(first, after)
        subject = await organizations.operator_of(slug, origin=origin())
        held = await answers.access_of(subject, await principal_named(subject, email, group))
        return _grants(held, window)

    _show_grants(run(listed), as_json=as_json)


@access.command("as-of")
@of_organization
@_about
@click.option("--id", "node_id", metavar="ID", help="Who it is about, also if they are gone.")
@click.option("--at", required=True, metavar="TIME", help="The moment, with its zone.")
@_page
@as_json
def as_of(
    slug: str,
    email: str | None,
    group: str | None,
    node_id: str | None,
    at: str,
    first: int,
    after: str | None,
    as_json: bool,
) -> None:
    """List what a member or a group had at a past moment, and what it came to then.

    TIME is as ISO 8601 has it: 2030-01-31T09:00Z. The audit log tells what changed since.
    """

    async def listed(settings: Settings) -> dict[str, Any]:
        window, moment = window_of(first, after), _moment(at)
        subject = await organizations.operator_of(slug, origin=origin())
        asked = principal_of(node_id) or await principal_named(subject, email, group)
        return _grants(await past_access.access_as_of(subject, asked, moment), window)

    if node_id is not None and (email is not None or group is not None):
        raise click.UsageError("Give --id alone, or --member or --group.")
    _show_grants(run(listed), as_json=as_json)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is no time, such as 2030-01-31T09:00Z.", field="--at") from error


def _grants(held: Sequence[HeldGrant], window: Window) -> dict[str, Any]:
    grants, further = page_of_rows(window.of(held), window)
    return {
        "grants": [_grant(each) for each in grants],
        "next": cursor_of(grants[-1].id) if further else None,
    }


def _show_grants(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found))
        return
    for grant in found["grants"]:
        click.echo(_grant_line(grant))
    _say_next(found)


@access.command()
@of_organization
@click.option("--days", default=DEFAULT_DAYS, show_default=True, help="How many to look back.")
@_page
@as_json
def unused(slug: str, days: int, first: int, after: str | None, as_json: bool) -> None:
    """List what members do not use of the roles they hold, and what smaller role would do."""

    async def listed(settings: Settings) -> dict[str, Any]:
        window = window_of(first, after)
        subject = await organizations.operator_of(slug, origin=origin())
        found = least_privilege.of_members(subject, days=days)
        members, further = page_of_rows(await found.page(window), window)
        return {
            "members": [_member_use(each) for each in members],
            "next": cursor_of(members[-1].id) if further else None,
        }

    found = run(listed)
    if as_json:
        click.echo(json.dumps(found))
        return
    for member in found["members"]:
        for role in member["roles"]:
            click.echo("\n".join(_role_use_lines(member["name"], role)))
    _say_next(found)


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation with its suggestions, each with who could give it."""

    explanation: Explanation
    suggestions: Sequence[tuple[Suggestion, Grantors]]

    def facts(self) -> dict[str, Any]:
        decision, plan = self.explanation.decision, self.explanation.required_plan
        return {
            **_holder(self.explanation),
            "permission": decision.permission.value,
            "allowed": decision.allowed,
            "obstacles": [obstacle.value for obstacle in decision.obstacles],
            "advice": self.explanation.advice,
            "required_plan": None if plan is None else plan.name,
            "suggestions": [_suggestion(*each) for each in self.suggestions],
        }

    def lines(self) -> Iterator[str]:
        facts = self.facts()
        yield facts["reason"]
        yield from facts["advice"]
        for grant in facts["grants"]:
            yield f"  {_grant_line(grant)}"
        for each in facts["suggestions"]:
            yield f"  {each['role']} at {each['scope_type']} {each['scope']} would add:"
            yield f"    {', '.join(each['gains'])}"
            givers = ", ".join(member["name"] for member in each["grantors"])
            yield f"    {each['grantor_count']} could give it" + f": {givers}" * bool(givers)


def _explaining(
    permission: str, slug: str, email: str | None, group: str | None, at: str | None
) -> Callable[[Settings], Any]:
    async def explained(settings: Settings) -> Explained:
        subject = await organizations.operator_of(slug, origin=origin())
        principal = await principal_named(subject, email, group)
        scope = scope_of(subject, at, field="--at")
        found = await answers.explain(subject, principal, _permission(permission), scope)
        suggested = await answers.suggestions(subject, found)
        grantors = await answers.grantors(subject, found, suggested)
        return Explained(found, list(zip(suggested, grantors, strict=True)))

    return explained


async def principal_named(subject: Subject, email: str | None, group: str | None) -> Principal:
    """The member or the group that one of the options names. Raises `UsageError` unless it is one
    of them, `NotFound`, and `Conflict` as `member_with_address` does.
    """
    if (email is None) is (group is None):
        raise click.UsageError("Give --member or --group.")
    if group is not None:
        return Principal(PrincipalType.GROUP, (await groups.by_name(subject.access, group)).id)
    member = await organizations.member_with_address(subject.organization_id, str(email))
    return Principal(PrincipalType.MEMBER, member.id)


def _permission(name: str) -> Permission:
    known = parse_permission(name) or Permission.__members__.get(name)
    if known is None:
        raise BadInput(f"There is no permission {name!r}.", field="PERMISSION")
    return known


def _holder(explanation: Explanation) -> dict[str, Any]:
    holder = explanation.holder
    return {
        "id": global_id(PRINCIPAL_NODES[holder.type], holder.id),
        "name": holder.name,
        "reason": explanation.reason,
        "grants": [_grant(grant) for grant in explanation.grants],
    }


def _grant(held: HeldGrant) -> dict[str, Any]:
    grant = held.grant
    return {
        "assignment": global_id("Assignment", grant.assignment_id),
        "role": grant.role_name,
        "role_version": grant.role_version,
        "scope_type": grant.scope_type.value,
        "scope": global_id(SCOPE_NODES[grant.scope_type], grant.scope_id),
        "source": held.source.value,
        "group": None if held.group_id is None else grant.principal_name,
        "expires_at": None if grant.expires_at is None else grant.expires_at.isoformat(),
        "permissions": [permission.value for permission in held.permissions],
    }


def _suggestion(suggestion: Suggestion, grantors: Grantors) -> dict[str, Any]:
    scope = suggestion.scope
    return {
        "role": suggestion.role.name,
        "scope_type": scope.type.value,
        "scope": global_id(SCOPE_NODES[scope.type], scope.id),
        "gains": [permission.value for permission in suggestion.gains],
        "grantors": [
            {"id": global_id("Member", member.id), "name": member.name}
            for member in grantors.members
        ],
        "grantor_count": grantors.count,
    }


def _member_use(found: MemberUse) -> dict[str, Any]:
    return {
        "id": global_id("Member", found.id),
        "name": found.member.name,
        "roles": [_role_use(each) for each in found.roles],
    }


def _role_use(held: HeldRole) -> dict[str, Any]:
    use, smaller = held.use, held.smaller
    return {
        "role": held.role.name,
        "observed_since": use.observed_since.isoformat(),
        "observed_long_enough": use.long_enough,
        "used": [permission.value for permission in use.used_permissions],
        "unused": [permission.value for permission in use.unused_permissions],
        "smaller": None
        if smaller is None
        else {
            "permissions": [permission.value for permission in smaller.permissions],
            "role": None if smaller.role is None else smaller.role.name,
        },
    }


def _role_use_lines(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    used, unused, smaller = found["used"], found["unused"], found["smaller"]
    yield f"{name}, {found['role']}: {len(used)} of {len(used) + len(unused)} permissions used"
    if not found["observed_long_enough"]:
        yield f"  Observed since {found['observed_since']} only: nothing is suggested."
    elif smaller is not None and smaller["role"] is not None:
        yield f"  {smaller['role']} would do."
    elif smaller is not None and smaller["permissions"]:
        yield f"  A role would do with {', '.join(smaller['permissions'])}."
    elif smaller is not None:
        yield "  It could be taken away."


def _grant_line(grant: Mapping[str, Any]) -> str:
    through = f" through group {grant['group']}" if grant["group"] is not None else ""
    until = f" until {grant['expires_at']}" if grant["expires_at"] is not None else ""
    count = len(grant["permissions"])
    return (
        f"{grant['role']} (version {grant['role_version']}) at {grant['scope_type']}"
        f" {grant['scope']}{through}{until}: {count} permissions"
    )


def _say_next(found: Mapping[str, Any]) -> None:
    if found["next"] is not None:
        click.echo(f"There are more: --after {found['next']}")

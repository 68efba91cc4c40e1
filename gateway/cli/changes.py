"""Changes by the operator: made, or with `--dry-run` only printed."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeVar
from uuid import UUID

import click

from gateway.cli.opening import origin, run
from gateway.cli.options import Option
from gateway.settings import Settings
from identity import organizations
from identity.rehearsal import AffectedMember, Change, Preview, ScopeChange, rehearse
from identity.subject import Subject
from models.member import Member
from schema.ids import SCOPE_NODES, global_id

ResultT = TypeVar("ResultT")
MOST_MEMBERS = 100

dry_run: Option[Any] = click.option(
    "--dry-run",
    is_flag=True,
    help="Change nothing: print who would gain and lose what. Exit code 1 if it would be refused.",
)


def made(slug: str, change: Callable[[Subject], Awaitable[ResultT]]) -> ResultT:
    """What comes of a change by the operator."""

    async def changed(settings: Settings) -> ResultT:
        return await change(await organizations.operator_of(slug, origin=origin()))

    return run(changed)


def print_preview(
    slug: str,
    change: Callable[[Subject], Awaitable[object]],
    *,
    moves_end_of: UUID | None = None,
    as_json: bool,
) -> None:
    """Print what a change by the operator would do, of at most `MOST_MEMBERS` members line by line.
    `moves_end_of` as in `rehearsal.Change`.

    Ends the command with exit code 1 if it would be refused.
    """

    async def told(settings: Settings) -> dict[str, Any]:
        subject = await organizations.operator_of(slug, origin=origin())
        preview = await rehearse(subject, Change(change, moves_end_of=moves_end_of))
        shown = [member.id for member in preview.members[:MOST_MEMBERS]]
        rows = await Member.filter(id__in=shown, organization_id=subject.organization_id)
        return _facts(preview, {row.id: row.name for row in rows})

    facts = run(told)
    click.echo(json.dumps(facts) if as_json else "\n".join(_lines(facts)))
    if facts["refusal"] is not None:
        click.get_current_context().exit(1)


def _facts(preview: Preview, names: Mapping[UUID, str]) -> dict[str, Any]:
    refusal = preview.refusal
    return {
        "refusal": None if refusal is None else {"code": refusal.code, "message": str(refusal)},
        "starts_at": None if preview.starts_at is None else preview.starts_at.isoformat(),
        "members_affected": len(preview.members),
        "members_gaining": preview.gaining,
        "members_losing": preview.losing,
        "permissions": [
            {"permission": each.permission.value, "gaining": each.gaining, "losing": each.losing}
            for each in preview.permissions or ()
        ],
        "members": [_member(each, names) for each in preview.members[:MOST_MEMBERS]],
    }


def _member(member: AffectedMember, names: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "id": global_id("Member", member.id),
        "name": names.get(member.id, ""),
        "changes": [_change(each) for each in member.changes],
    }


def _change(change: ScopeChange) -> dict[str, Any]:
    difference = change.difference  # the operator sees all of it
    return {
        "scope_type": difference.scope_type.value,
        "scope": global_id(SCOPE_NODES[difference.scope_type], difference.scope_id),
        "gained": [permission.value for permission in difference.gained],
        "lost": [permission.value for permission in difference.lost],
    }


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts["refusal"] is not None:
        yield f"This would be refused: {facts['refusal']['message']}"
        return
    if facts["starts_at"] is not None:
        yield f"From {facts['starts_at']} on:"
    yield (
        f"Members who would gain anything: {facts['members_gaining']}, "
        f"who would lose anything: {facts['members_losing']}. Nothing is changed."
    )
    for each in facts["permissions"]:
        yield f"  {each['permission']}: {each['gaining']} gain, {each['losing']} lose"
    for member in facts["members"]:
        yield member["name"]
        for change in member["changes"]:
            moved = [f"+{each}" for each in change["gained"]]
            moved += [f"-{each}" for each in change["lost"]]
            yield f"  {change['scope_type']} {change['scope']}: {' '.join(moved)}"
    if further := facts["members_affected"] - len(facts["members"]):
        yield f"... and {further} more"

"""`gatepost assignment`."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import click

from gateway.cli.access import principal_named
from gateway.cli.changes import dry_run, made, print_preview
from gateway.cli.opening import origin, run
from gateway.cli.options import in_utc, of_organization, until_a_day, with_reason
from gateway.cli.printing import answer, as_json, listed
from gateway.settings import Settings
from identity import assignments, organizations, roles
from identity.assignment_listing import AssignmentFilter, AssignmentsAt
from identity.assignments import KEPT
from identity.holders import PRINCIPALS
from identity.subject import Subject
from models.assignment import Assignment
from models.listing import page
from models.window import Window
from schema.access.queries import scope_of
from schema.connection import cursor_of, page_of_rows, window_of
from schema.ids import PRINCIPAL_NODES, SCOPE_NODES, global_id, row_id

LARGEST = 100

of_assignment = click.option(
    "--assignment", "assignment_id", required=True, metavar="ID", help="The assignment."
)
at_scope = click.option(
    "--at", metavar="ID", help="A workspace or a resource; without it, the organization."
)
of_member = click.option("--member", "email", metavar="EMAIL", help="The member who has it.")
of_group = click.option("--group", metavar="NAME", help="The group that has it.")


@click.group()
def assignment() -> None:
    """Assignments: who was given which role where, until when and why."""


@assignment.command("list")
@of_organization
@at_scope
@of_member
@of_group
@click.option("--role", metavar="NAME", help="Only this role.")
@click.option("--first", default=LARGEST, show_default=True, help="How many.")
@click.option("--after", metavar="ID", help="Only what follows this assignment.")
@as_json
def list_assignments(
    slug: str,
    at: str | None,
    email: str | None,
    group: str | None,
    role: str | None,
    first: int,
    after: str | None,
    as_json: bool,
) -> None:
    """What was given at one place and has not ended, the newest first."""

    async def found(settings: Settings) -> list[dict[str, str]]:
        subject = await organizations.operator_of(slug, origin=origin())
        asked = await _asked(subject, email, group, role)
        scope, window = scope_of(subject, at, field="--at"), _window(first, after)
        there = AssignmentsAt(subject.organization_id, scope, asked)
        rows: Sequence[Assignment] = page_of_rows(await page(there, window), window)[0]
        await Assignment.fetch_for_list(list(rows), "role", "assigned_by")
        names = await _names(subject, rows)
        return [
            {"holder": names[row.principal_id], **_facts(row), "given_by": _giver(row)}
            for row in rows
        ]

    listed(run(found), none="Nothing was given there.", as_json=as_json)


@assignment.command()
@of_organization
@click.option("--role", required=True, metavar="NAME", help="The role.")
@of_member
@of_group
@at_scope
@until_a_day
@with_reason
@dry_run
@as_json
def add(
    slug: str,
    role: str,
    email: str | None,
    group: str | None,
    at: str | None,
    until: datetime | None,
    reason: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Give a role to a member or a group."""

    async def added(subject: Subject) -> Assignment:
        return await assignments.assign(
            subject,
            role_id=(await roles.by_name(subject.access, role)).id,
            principal=await principal_named(subject, email, group),
            scope=scope_of(subject, at, field="--at"),
            expires_at=in_utc(until),
            reason=reason,
        )

    if dry_run:
        print_preview(slug, added, as_json=as_json)
        return
    answer(_facts(made(slug, added)), headline=f"{role} is given.", as_json=as_json)


@assignment.command()
@of_organization
@of_assignment
@until_a_day
@click.option("--for-good", is_flag=True, help="It does not end by itself any more.")
@with_reason
@dry_run
@as_json
def change(
    slug: str,
    assignment_id: str,
    until: datetime | None,
    for_good: bool,
    reason: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Move the end of an assignment, or say why it was given. What is left out stays as it is."""
    if for_good and until is not None:
        raise click.UsageError("Give --until or --for-good, not both.")
    row = _row_id(assignment_id)
    changed = partial(
        assignments.update,
        assignment_id=row,
        expires_at=None if for_good else in_utc(until) or KEPT,
        reason=KEPT if reason is None else reason,
    )
    if dry_run:
        print_preview(slug, changed, moves_end_of=row, as_json=as_json)
        return
    answer(_facts(made(slug, changed)), headline="The assignment is changed.", as_json=as_json)


@assignment.command()
@of_organization
@of_assignment
@dry_run
@as_json
def remove(slug: str, assignment_id: str, dry_run: bool, as_json: bool) -> None:
    """Take a role away."""
    removed = partial(assignments.unassign, assignment_id=_row_id(assignment_id))
    if dry_run:
        print_preview(slug, removed, as_json=as_json)
        return
    facts = {"assignment": global_id("Assignment", made(slug, removed).id)}
    answer(facts, headline="The role is taken away.", as_json=as_json)


def _row_id(assignment_id: str) -> UUID:
    return row_id(assignment_id, "Assignment", field="--assignment")


def _window(first: int, after: str | None) -> Window:
    return window_of(first, None if after is None else cursor_of(_row_id(after)))


async def _asked(
    subject: Subject, email: str | None, group: str | None, role: str | None
) -> AssignmentFilter:
    principal_id = role_id = None
    if email is not None or group is not None:
        principal_id = (await principal_named(subject, email, group)).id
    if role is not None:
        role_id = (await roles.by_name(subject.access, role)).id
    return AssignmentFilter(principal_id=principal_id, role_id=role_id)


async def _names(subject: Subject, rows: Sequence[Assignment]) -> dict[UUID, str]:
    """What the holders are called, in a statement for each kind of them."""
    names: dict[UUID, str] = {}
    for kind, model in PRINCIPALS.items():
        ids = {row.principal_id for row in rows if row.principal_type is kind}
        if ids:
            found = model.filter(id__in=list(ids), organization_id=subject.organization_id)
            names |= {each.id: each.name for each in await found}
    return names


def _giver(row: Assignment) -> str:
    return "" if row.assigned_by is None else row.assigned_by.name


def _facts(row: Assignment) -> dict[str, str]:
    return {
        "assignment": global_id("Assignment", row.id),
        "role": row.role.name,
        "holder_id": global_id(PRINCIPAL_NODES[row.principal_type], row.principal_id),
        "scope": row.scope_type.value,
        "scope_id": global_id(SCOPE_NODES[row.scope_type], row.scope_id),
        "until": "" if row.expires_at is None else row.expires_at.isoformat(),
        "reason": row.reason or "",
        "given_at": row.created_at.isoformat(),
    }

"""`gatepost documents matrix`: which operations work for which role, and what a change changes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gateway.cli.opening import FAILURES, sentence
from gateway.cli.operation_files import OperationFile, WrongOperations, operations_in
from gateway.cli.role_files import EVERY, NamedRole, Roles, builtin_roles, roles_of
from models.assignment import ScopeType
from models.organization import Plan
from schema.requirements.changes import Change, compared
from schema.requirements.verdict import Judgement, Loss, Verdict, holding, judge

LOSS = "loss"
CHANGE = "change"


class WrongInput(click.ClickException):
    """What was given cannot be judged: exit code 2, since 1 says that something is lost."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Matrix:
    """The operations and roles of one side, by name, and the judgement of each pair."""

    operations: Mapping[str, OperationFile]
    roles: Mapping[str, NamedRole]
    judgements: Mapping[tuple[str, str], Judgement]


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs between two matrices: of the pairs that both have, and what only one has."""

    changes: Mapping[tuple[str, str], Change]
    new_operations: Sequence[str]
    gone_operations: Sequence[str]
    new_roles: Sequence[str]
    gone_roles: Sequence[str]

    @property
    def has_loss(self) -> bool:
        """Whether something works less. A role that is gone is a loss to who held it; a screen that
        is gone was taken away on purpose.
        """
        return bool(self.gone_roles) or any(change.is_loss for change in self.changes.values())

    @property
    def has_change(self) -> bool:
        only_one_has = (
            *self.new_operations,
            *self.gone_operations,
            *self.new_roles,
            *self.gone_roles,
        )
        return bool(self.changes or only_one_has)


@click.command()
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH...",
)
@click.option(
    "--roles",
    "chosen",
    is_flag=False,
    flag_value=EVERY,
    default=EVERY,
    metavar="[NAME|FILE,...]",
    help="Only these roles, by name or from JSON files; without a value, or left out, all.",
)
@click.option("--org", "slug", help="The slug of an organization: its roles and its plan.")
@click.option(
    "--plan",
    type=click.Choice([plan.name for plan in Plan], case_sensitive=False),
    help="The plan, without --org.  [default: ENTERPRISE]",
)
@click.option(
    "--at",
    "scope",
    type=click.Choice([scope.value for scope in ScopeType]),
    default=ScopeType.ORGANIZATION.value,
    show_default=True,
    help="Where the roles are given: everywhere, in the workspace, or at the object of the screen.",
)
@click.option("--explain", nargs=2, metavar="OPERATION ROLE", help="Why one cell is what it is.")
@click.option(
    "--against",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="The operations as they were: print what changes.",
)
@click.option(
    "--against-roles",
    metavar="NAME|FILE,...",
    help="The roles as they were: print what changes.",
)
@click.option(
    "--fail-on",
    type=click.Choice([LOSS, CHANGE]),
    default=LOSS,
    show_default=True,
    help="With --against or --against-roles: what the exit code 1 is for.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def matrix(
    paths: Sequence[Path],
    chosen: str,
    slug: str | None,
    plan: str | None,
    scope: str,
    explain: tuple[str, str] | None,
    against: Sequence[Path],
    against_roles: str | None,
    fail_on: str,
    as_json: bool,
) -> None:
    """Print which operations work fully, partly or not for each role.

    PATH is a folder of .graphql files, a file, or a manifest (.json). No database is needed but for
    --org. Exit code 0: nothing changed, or there was nothing to compare. 1: something works less
    than before. 2: something given is wrong.
    """
    if slug is not None and plan is not None:
        raise click.UsageError("Give --org or --plan, not both: the organization has a plan.")
    if explain is not None and (against or against_roles):
        raise click.UsageError("--explain is about one version; leave out --against.")
    try:
        known = roles_of(slug) if slug is not None else builtin_roles(_plan(plan))
        now = _matrix(operations_in(paths), known.chosen(chosen), known, ScopeType(scope))
        if explain is not None:
            _explain(now, *explain, as_json=as_json)
            return
        if not against and against_roles is None:
            click.echo(json.dumps(_as_json(now)) if as_json else "\n".join(_table(now)))
            return
        before = _matrix(
            operations_in(against or paths),
            known.chosen(against_roles or chosen),
            known,
            ScopeType(scope),
        )
    except WrongOperations as wrong:
        raise WrongInput("\n  ".join(["These operations do not fit:", *wrong.problems])) from wrong
    except FAILURES as error:
        raise WrongInput(sentence(error)) from error
    differences = _differences(before, now)
    if as_json:
        click.echo(json.dumps(_differences_as_json(differences)))
    else:
        click.echo("\n".join(_told(differences)))
    if differences.has_loss or (fail_on == CHANGE and differences.has_change):
        click.get_current_context().exit(1)


def _plan(name: str | None) -> Plan:
    return Plan.ENTERPRISE if name is None else Plan[name.upper()]


def _matrix(
    operations: Sequence[OperationFile],
    chosen: Sequence[NamedRole],
    known: Roles,
    scope: ScopeType,
) -> Matrix:
    held = {role.name: holding(role.mask, scope, plan_cut=known.plan_cut) for role in chosen}
    return Matrix(
        operations={operation.name: operation for operation in operations},
        roles={role.name: role for role in chosen},
        judgements={
            (operation.name, name): judge(operation.requirements, each)
            for operation in operations
            for name, each in held.items()
        },
    )


def _differences(before: Matrix, now: Matrix) -> Differences:
    """Operations are compared by name; so are roles, unless there is one on either side."""
    was = {name: name for name in now.roles if name in before.roles}
    if len(now.roles) == len(before.roles) == 1:
        was = dict(zip(now.roles, before.roles, strict=True))
    changes = {}
    for operation, role in now.judgements:
        if operation in before.operations and role in was:
            change = compared(
                before.judgements[operation, was[role]], now.judgements[operation, role]
            )
            if change is not None:
                changes[operation, role] = change
    return Differences(
        changes,
        new_operations=[name for name in now.operations if name not in before.operations],
        gone_operations=[name for name in before.operations if name not in now.operations],
        new_roles=[name for name in now.roles if name not in was],
        gone_roles=[name for name in before.roles if name not in was.values()],
    )


def _table(shown: Matrix) -> Iterator[str]:
    first = max(map(len, (*shown.operations, "operation")))
    widths = {name: max(len(name), len(Verdict.PARTLY)) for name in shown.roles}
    yield "  ".join(
        [f"{'operation':<{first}}", *(f"{name:<{width}}" for name, width in widths.items())]
    ).rstrip()
    for operation in shown.operations:
        cells = (
            f"{shown.judgements[operation, name].verdict:<{width}}"
            for name, width in widths.items()
        )
        yield "  ".join([f"{operation:<{first}}", *cells]).rstrip()


def _explain(shown: Matrix, operation_name: str, role_name: str, *, as_json: bool) -> None:
    if operation_name not in shown.operations:
        known = ", ".join(shown.operations)
        raise WrongInput(f"There is no operation {operation_name}. There are: {known}.")
    name = next((name for name in shown.roles if name.casefold() == role_name.casefold()), None)
    if name is None:
        raise WrongInput(f"There is no role {role_name}. There are: {', '.join(shown.roles)}.")
    operation = shown.operations[operation_name]
    judgement = shown.judgements[operation_name, name]
    if as_json:
        click.echo(json.dumps({"operation": operation_name, "role": name, **_judged(judgement)}))
        return
    click.echo(f"{operation_name} ({operation.place}) for {name}: {judgement.verdict}")
    for loss in judgement.lost:
        click.echo(f"  {_line(loss)}")


def _line(loss: Loss) -> str:
    when = f" (with {' and '.join(loss.conditions)})" if loss.conditions else ""
    reason = loss.reason.replace("`", "").partition(";")[0].rstrip(".")
    return f"{loss.path}  {loss.coordinate}  {loss.effect}{when}: {reason[0].lower()}{reason[1:]}"


def _told(differences: Differences) -> Iterator[str]:
    if not differences.has_change:
        yield "Nothing changes."
    for (operation, role), change in differences.changes.items():
        yield f"{operation} for {role}: {change.before.verdict} -> {change.after.verdict}"
        yield from (f"  - {_line(loss)}" for loss in change.lost)
        yield from (f"  + {loss.path}  {loss.coordinate}" for loss in change.gained)
    only_one_has = {
        "New operations": differences.new_operations,
        "Operations that are gone": differences.gone_operations,
        "New roles": differences.new_roles,
        "Roles that are gone": differences.gone_roles,
    }
    for what, names in only_one_has.items():
        if names:
            yield f"{what}: {', '.join(names)}"


def _judged(judgement: Judgement) -> dict[str, Any]:
    return {"verdict": judgement.verdict.value, "lost": list(map(_lost, judgement.lost))}


def _lost(loss: Loss) -> dict[str, Any]:
    return {
        "path": loss.path,
        "coordinate": loss.coordinate,
        "effect": loss.effect.value,
        "missing": [permission.value for permission in loss.missing],
        "reason": loss.reason,
        "conditions": list(loss.conditions),
    }


def _as_json(shown: Matrix) -> dict[str, Any]:
    return {
        "roles": list(shown.roles),
        "operations": [
            {
                "name": name,
                "kind": operation.requirements.kind.value,
                "place": operation.place,
                "roles": {role: _judged(shown.judgements[name, role]) for role in shown.roles},
            }
            for name, operation in shown.operations.items()
        ],
    }


def _differences_as_json(differences: Differences) -> dict[str, Any]:
    return {
        "changes": [
            {
                "operation": operation,
                "role": role,
                "before": change.before.verdict.value,
                "after": change.after.verdict.value,
                "lost": list(map(_lost, change.lost)),
                "gained": list(map(_lost, change.gained)),
            }
            for (operation, role), change in differences.changes.items()
        ],
        "new_operations": list(differences.new_operations),
        "gone_operations": list(differences.gone_operations),
        "new_roles": list(differences.new_roles),
        "gone_roles": list(differences.gone_roles),
    }

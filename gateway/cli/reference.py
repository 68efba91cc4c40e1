"""`gatepost schema` and `gatepost docs`: what is generated from the code and committed."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from gateway.settings import Settings, variable
from identity.access.builtin_roles import BUILTIN_PERMISSIONS, DESCRIPTIONS
from identity.access.levels import RoleLevel, level_of
from identity.access.permissions import (
    GROUPS,
    ORGANIZATION_ONLY_GROUPS,
    RESOURCE_GROUPS,
    SENSITIVE,
    SHARING,
    Permission,
    PermissionGroup,
    implied_by,
    mask_of,
)
from identity.audit.actions import Action
from models.role import BuiltinRole
from schema.federation import subgraph
from schema.sdl import sdl

GENERATED = "<!-- Written by `gatepost docs`; a test compares it with the code. -->"
NONE = "-"


@click.command()
@click.option("--federation", is_flag=True, help="As a subgraph of Apollo Federation v2.")
def schema(federation: bool) -> None:
    """Print the GraphQL schema (SDL)."""
    click.echo(subgraph(sdl()) if federation else sdl(), nl=False)


@click.command(hidden=True)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path("docs"))
def docs(folder: Path) -> None:
    """Write the generated pages of the documentation."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
        click.echo(f"Wrote {folder / name}")


def pages() -> Mapping[str, str]:
    """The generated pages by file name."""
    return {
        "settings.md": _page(_settings()),
        "permissions.md": _page(_permissions()),
        "audit-actions.md": _page(_actions()),
    }


def _page(lines: Iterator[str]) -> str:
    return "\n".join([GENERATED, "", *lines, ""])


def _table(*header: str) -> Iterator[str]:
    yield _row(*header)
    yield _row(*("---" for _ in header))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _settings() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield "Environment variables. An unknown one with the prefix `GATEPOST_` is an error."
    yield ""
    yield from _table("variable", "default", "meaning")
    for name, field in Settings.model_fields.items():
        default = f"`{field.default}`" if field.default != () else "none"
        meaning = (field.description or "").replace("\n", " ").replace("|", "\\|")
        yield _row(f"`{variable(name)}`", default, meaning)


def _permissions() -> Iterator[str]:
    yield "# Permissions and built-in roles"
    yield ""
    yield "A permission is `group:action`; its GraphQL enum value is `GROUP_ACTION`. The level READ"
    yield "of a group holds the actions in *italics*, FULL holds all. Actions marked ! are hard to"
    yield "undo. An action implies its group's `read` where the last column says so. In a group of"
    yield "which everything reads, READ is all there is."
    yield ""
    yield from _table("group", "actions", "where", "bring `read` along")
    yield from map(_group, GROUPS)
    yield ""
    yield "## What each permission means"
    yield ""
    yield from _table("permission", "meaning")
    for permission in Permission:
        yield _row(f"`{permission.value}`", permission.meaning)
    yield ""
    yield "## Built-in roles"
    yield ""
    yield "They are fixed; an organization copies them to roles of its own."
    yield ""
    for role in BuiltinRole:
        yield f"* **{role.value.capitalize()}**: {DESCRIPTIONS[role]}"
    yield ""
    yield from _table("group", *(role.value.capitalize() for role in BuiltinRole))
    for group in GROUPS:
        yield _row(group.name, *(_level(group, role) for role in BuiltinRole))


def _group(group: PermissionGroup) -> str:
    actions = ", ".join(
        (f"*{p.action}*" if p in group.read else p.action) + " !" * (p in SENSITIVE)
        for p in group.permissions
    )
    implying = ", ".join(p.action for p in group.permissions if implied_by(p))
    return _row(group.name, actions, _where(group), implying or NONE)


def _where(group: PermissionGroup) -> str:
    """The scopes at which a role can give something of the group."""
    if group.name in ORGANIZATION_ONLY_GROUPS:
        return "the organization"
    sharing = ", ".join(p.action for p in group.permissions if p in SHARING)
    if group.name in RESOURCE_GROUPS.values():
        return "any scope"
    return "organization, workspace" + f"; {sharing} at any scope" * bool(sharing)


def _level(group: PermissionGroup, role: BuiltinRole) -> str:
    """Full, read, none, or what is held in between."""
    held = BUILTIN_PERMISSIONS[role]
    level = level_of(group, mask_of(held))
    if level is not RoleLevel.CUSTOM:
        return NONE if level is RoleLevel.NONE else level.value
    having = [p.action for p in group.permissions if p in held]
    lacking = [p.action for p in group.permissions if p not in held]
    return f"full without {', '.join(lacking)}" if len(lacking) < len(having) else ", ".join(having)


def _actions() -> Iterator[str]:
    yield "# Audit actions"
    yield ""
    yield "Every sensitive action, as it stands in `AuditEvent.action`. Whether it happened or was"
    yield "denied is the event's outcome. What is critical widens access, lets something out, or"
    yield "cannot be undone; what is routine changes nobody's access."
    yield ""
    yield from _table("action", "sensitivity", "meaning")
    for action in Action:
        yield _row(f"`{action.value}`", action.sensitivity.value, action.meaning)

"""`gatepost roles`."""

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.changes import dry_run, made, print_preview
from gateway.cli.opening import origin, run
from gateway.cli.printing import as_json
from gateway.cli.role_files import permission, roles_in
from gateway.settings import Settings
from identity import organizations, role_import, role_versions, text
from identity import roles as custom_roles
from identity.access.compiled import Access
from identity.access.levels import RoleLevel, levels_of
from identity.access.permissions import Permission
from identity.refusals import NotFound
from identity.role_comparison import Comparison, side
from identity.role_import import Difference, RoleEdit, WrittenRole
from identity.role_versions import Content
from identity.subject import Subject
from models.listing import page
from models.role import Role
from models.role_version import RoleVersion
from schema.ids import global_id

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

of_org: Callable[[CommandT], CommandT] = click.option(
    "--org", "slug", required=True, help="The slug of the organization."
)
prune: Callable[[CommandT], CommandT] = click.option(
    "--prune", is_flag=True, help="Delete the custom roles that are not in the file."
)
file: Callable[[CommandT], CommandT] = click.argument(
    "path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)


@click.group()
def roles() -> None:
    """Custom roles: look at them, change them, compare them, keep them in git."""


@roles.command("list")
@of_org
@as_json
def list_(slug: str, as_json: bool) -> None:
    """Every role, the built-in ones first."""

    async def listed(settings: Settings) -> list[dict[str, Any]]:
        subject = await organizations.operator_of(slug)
        return [_described(role) for role in await _all(subject.access)]

    found = run(listed)
    if as_json:
        click.echo(json.dumps({"roles": found}))
        return
    width = max(len(role["name"]) for role in found)
    for role in found:
        what = "built in" if role["builtin"] else f"version {role['version']}"
        click.echo(f"{role['name']:<{width}}  {what}, permissions: {len(role['permissions'])}")


@roles.command()
@of_org
@click.argument("name")
@as_json
def show(slug: str, name: str, as_json: bool) -> None:
    """What a role holds, and how much of each group it grants."""

    async def shown(settings: Settings) -> dict[str, Any]:
        subject = await organizations.operator_of(slug)
        role = await custom_roles.by_name(subject.access, name)
        return {**_described(role), "levels": dict(levels_of(custom_roles.mask_of_role(role)))}

    answer = run(shown)
    if as_json:
        click.echo(json.dumps(answer))
        return
    click.echo(f"{answer['name']}  {answer['description']}".rstrip())
    for group, level in answer["levels"].items():
        if level is not RoleLevel.NONE:
            held = [each for each in answer["permissions"] if each.startswith(f"{group}:")]
            click.echo(f"  {group:<13}  {level:<6}  {', '.join(held)}".rstrip())


@roles.command()
@of_org
@click.argument("name")
@as_json
def history(slug: str, name: str, as_json: bool) -> None:
    """The versions of a role, the last one first; also of a role that was deleted."""

    async def told(settings: Settings) -> list[RoleVersion]:
        subject = await organizations.operator_of(slug)
        role_id, _ = await _found(subject.access, name)
        return await page(role_versions.listing(subject.access, role_id))

    versions = run(told)
    if as_json:
        click.echo(json.dumps({"versions": list(map(_version, versions))}))
        return
    for version in versions:
        source = f" from version {version.restored_from}" if version.restored_from else ""
        click.echo(
            f"{version.number}  {version.created_at:%Y-%m-%d %H:%M} UTC  {version.actor_name}  "
            f"{version.change.value}{source}"
        )
        if version.previous_name is not None:
            click.echo(f"  name: {version.previous_name} -> {version.name}")
        if version.previous_description is not None:
            click.echo(f"  description: {version.previous_description} -> {version.description}")
        _echo_permissions(version.added, version.removed)


@roles.command()
@of_org
@click.option("--builtin", is_flag=True, help="The built-in roles, too.")
def export(slug: str, builtin: bool) -> None:
    """Print the custom roles as JSON, in an order that stays, so that git shows what changed."""

    async def exported(settings: Settings) -> list[Role]:
        subject = await organizations.operator_of(slug)
        return [role for role in await _all(subject.access) if builtin or role.builtin is None]

    written = [_written(Content.of(role)) for role in sorted(run(exported), key=_key)]
    click.echo(json.dumps({"roles": written}, indent=2, ensure_ascii=False))


@roles.command()
@of_org
@file
@prune
@as_json
def diff(slug: str, path: Path, prune: bool, as_json: bool) -> None:
    """Print what importing FILE would change. Exit code 1 if that is anything."""

    async def compared(settings: Settings) -> Difference:
        subject = await organizations.operator_of(slug)
        return await role_import.difference(subject.access, roles_in(path), prunes=prune)

    found = run(compared)
    _echo_difference(found, as_json=as_json)
    if found:
        click.get_current_context().exit(1)


@roles.command("import")
@of_org
@file
@prune
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def import_(slug: str, path: Path, prune: bool, yes: bool, as_json: bool) -> None:
    """Show what FILE would change, ask, and change all of it or nothing."""

    async def imported(settings: Settings) -> None:
        subject = await organizations.operator_of(slug, origin=origin())
        written: Sequence[WrittenRole] = roles_in(path)
        shown = await role_import.difference(subject.access, written, prunes=prune)
        _echo_difference(shown, as_json=as_json)
        if shown:
            if not yes:
                click.confirm("Import?", abort=True, err=True)
            await role_import.apply(subject, written, shown)

    run(imported)


@roles.command()
@of_org
@click.argument("name")
@click.option("--description", default="", help="What it is for.")
@click.option("--permission", "held", multiple=True, help="What it holds, e.g. campaigns:send.")
@click.option("--copy-of", metavar="NAME", help="A role whose permissions it gets as well.")
@as_json
def create(
    slug: str, name: str, description: str, held: Sequence[str], copy_of: str | None, as_json: bool
) -> None:
    """Make a role."""

    async def created(subject: Subject) -> Role:
        source = None if copy_of is None else await custom_roles.by_name(subject.access, copy_of)
        return await custom_roles.create(
            subject,
            name=name,
            description=description,
            permissions=_permissions(held, "--permission"),
            copy_of=None if source is None else source.id,
        )

    _change(slug, created, "is made", as_json=as_json)


@roles.command()
@of_org
@click.argument("name")
@click.option("--name", "new_name", help="What it is to be called.")
@click.option("--description", help="What it is for.")
@click.option("--add", multiple=True, metavar="PERMISSION", help="What it gets.")
@click.option("--remove", multiple=True, metavar="PERMISSION", help="What it loses.")
@click.option("--expected-version", type=int, help="Only if it is at this version.")
@dry_run
@as_json
def update(
    slug: str,
    name: str,
    new_name: str | None,
    description: str | None,
    add: Sequence[str],
    remove: Sequence[str],
    expected_version: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Change a custom role. What is left out stays as it is."""

    async def updated(subject: Subject) -> Role:
        role = await custom_roles.by_name(subject.access, name)
        return await custom_roles.update(
            subject,
            role.id,
            expected_version=role.version if expected_version is None else expected_version,
            name=new_name,
            description=description,
            add=_permissions(add, "--add"),
            remove=_permissions(remove, "--remove"),
        )

    _change(slug, updated, "is changed", dry_run=dry_run, as_json=as_json)


@roles.command()
@of_org
@click.argument("name")
@click.option("--replacement", metavar="NAME", help="The role that its holders get instead.")
@dry_run
@as_json
def delete(slug: str, name: str, replacement: str | None, dry_run: bool, as_json: bool) -> None:
    """Delete a custom role. Its history stays."""

    async def deleted(subject: Subject) -> Role:
        role = await custom_roles.by_name(subject.access, name)
        other = (
            None if replacement is None else await custom_roles.by_name(subject.access, replacement)
        )
        return await custom_roles.delete(
            subject, role.id, replacement_id=None if other is None else other.id
        )

    _change(slug, deleted, "is deleted", dry_run=dry_run, as_json=as_json)


@roles.command()
@of_org
@click.argument("name")
@click.option("--version", type=int, required=True, help="The version that it is to repeat.")
@dry_run
@as_json
def restore(slug: str, name: str, version: int, dry_run: bool, as_json: bool) -> None:
    """Make a role what it was in an earlier version; also one that was deleted."""

    async def restored(subject: Subject) -> Role:
        role_id, present = await _found(subject.access, name)
        return await custom_roles.restore(subject, role_id, version, expected_version=present)

    _change(slug, restored, "is restored", dry_run=dry_run, as_json=as_json)


@roles.command()
@of_org
@click.argument("name")
@click.argument("other")
@click.option("--version", type=int, help="The first as it was in this version.")
@click.option("--other-version", type=int, help="The second as it was in this version.")
@as_json
def compare(
    slug: str,
    name: str,
    other: str,
    version: int | None,
    other_version: int | None,
    as_json: bool,
) -> None:
    """Two roles side by side, or two versions of one, by what they grant."""

    async def compared(settings: Settings) -> Comparison:
        access = (await organizations.operator_of(slug)).access
        role_id, _ = await _found(access, name)
        other_id, _ = await _found(access, other)
        return Comparison(
            await side(access, role_id, version), await side(access, other_id, other_version)
        )

    found = run(compared)
    parts = {
        "in_both": found.in_both,
        "only_in_role": found.only_in_role,
        "only_in_other": found.only_in_other,
    }
    if as_json:
        names = {"name": found.role.name, "other_name": found.other.name}
        click.echo(json.dumps(names | {key: list(part) for key, part in parts.items()}))
        return
    headlines = ("Both", f"Only {found.role.name}", f"Only {found.other.name}")
    for headline, part in zip(headlines, parts.values(), strict=True):
        click.echo(f"{headline}: {', '.join(part) or 'nothing'}")
    for each in found.levels:
        if each.level is not each.other_level:
            click.echo(f"  {each.group:<13}  {each.level} / {each.other_level}")


def _change(
    slug: str,
    change: Callable[[Subject], Awaitable[Role]],
    headline: str,
    *,
    dry_run: bool = False,
    as_json: bool,
) -> None:
    """Carry out a change as the operator, and print the role that came of it; with `dry_run`, only
    print what it would do.
    """
    if dry_run:
        print_preview(slug, change, as_json=as_json)
        return
    role = made(slug, change)
    if as_json:
        click.echo(json.dumps(_described(role)))
    else:
        click.echo(f"{role.name} {headline}: version {role.version}.")


async def _all(access: Access) -> list[Role]:
    return await page(custom_roles.listing(access))


async def _found(access: Access, name: str) -> tuple[Any, int]:
    """The id and the version of the role of that name, or of the one deleted last that had it.

    Raises `NotFound`.
    """
    for role in await _all(access):
        if role.name_key == text.key(name.strip()):
            return role.id, role.version
    for version in await page(role_versions.deleted(access)):
        if text.key(version.name) == text.key(name.strip()):
            return version.role_id, version.number
    raise NotFound("role")


def _permissions(given: Sequence[str], option: str) -> list[Permission]:
    return [permission(each, option) for each in given]


def _key(role: Role) -> str:
    return role.name_key


def _described(role: Role) -> dict[str, Any]:
    return {
        "id": global_id("Role", role.id),
        "name": role.name,
        "description": role.description,
        "builtin": role.builtin is not None,
        "version": role.version,
        "permissions": list(custom_roles.permissions_of(role)),
    }


def _version(version: RoleVersion) -> dict[str, Any]:
    return {
        "number": version.number,
        "change": version.change.value,
        "restored_from": version.restored_from,
        "created_at": version.created_at.isoformat(),
        "actor": version.actor_name,
        **_written(Content.of(version)),
        "added": version.added,
        "removed": version.removed,
        "previous_name": version.previous_name,
        "previous_description": version.previous_description,
    }


def _written(content: Content) -> dict[str, Any]:
    """A role as files have it."""
    return {**content._asdict(), "permissions": sorted(content.permissions)}


def _echo_difference(difference: Difference, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_difference(difference)))
        return
    if not difference:
        click.echo("Nothing changes.")
    for content in difference.new:
        click.echo(f"+ {content.name}")
        _echo_permissions(sorted(content.permissions), ())
    for edit in difference.edits:
        click.echo(f"~ {edit.content.name}")
        for field, before, after in _texts(edit):
            click.echo(f"  {field}: {before} -> {after}")
        _echo_permissions(sorted(edit.added), sorted(edit.removed))
    for role in difference.deletions:
        click.echo(f"- {role.content.name}")
    if difference.unwritten and not difference.prunes:
        names = ", ".join(role.content.name for role in difference.unwritten)
        click.echo(f"Not in the file, and kept without --prune: {names}")


def _echo_permissions(added: Iterable[str], removed: Iterable[str]) -> None:
    for each in added:
        click.echo(f"  + {each}")
    for each in removed:
        click.echo(f"  - {each}")


def _difference(difference: Difference) -> Mapping[str, Any]:
    return {
        "new": [_written(content) for content in difference.new],
        "changed": [
            {
                "name": edit.content.name,
                **{field: {"before": old, "after": new} for field, old, new in _texts(edit)},
                "added": sorted(edit.added),
                "removed": sorted(edit.removed),
            }
            for edit in difference.edits
        ],
        "deleted": [role.content.name for role in difference.deletions],
        "kept": [] if difference.prunes else [r.content.name for r in difference.unwritten],
    }


def _texts(edit: RoleEdit) -> Iterator[tuple[str, str, str]]:
    """The texts that change: which one, from what, to what."""
    if edit.content.name != edit.wanted.name:
        yield "renamed", edit.content.name, edit.wanted.name
    if edit.content.description != edit.wanted.description:
        yield "description", edit.content.description, edit.wanted.description

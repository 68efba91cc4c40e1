"""What the models say and the migrations do not: the draft of the next migration.

    python -m models.drift > models/migrations/0003_what_it_does.py

prints nothing when there is no difference, and needs no database.
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from tortoise.context import TortoiseContext
from tortoise.fields.data import JSON_DUMPS, JSON_LOADS
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.operations import CreateModel, Operation
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.writer import ImportManager, MigrationWriter, _render_call

from models.database import MIGRATIONS, configuration, migrated_apps

NOISE: Mapping[str, object] = {
    "auto_now": False,
    "auto_now_add": False,
    "db_constraint": True,
    "decoder": JSON_LOADS,
    "encoder": JSON_DUMPS,
    "to_field": "id",
}
"""What a column is if nothing is said: left out of a draft, for the reader's sake."""


async def drift(migrations: str = MIGRATIONS) -> str | None:
    """The text of the migration that would bring the package `migrations` to the models, if any."""
    async with TortoiseContext() as context:
        await context.init(config=configuration("postgres:///none"), init_connections=False)
        assert context.apps is not None  # noqa: S101 - `init` has set them
        writers = await _Autodetector(context.apps, migrated_apps(migrations)).changes()
    return writers[0].as_string() if writers else None


class _Autodetector(MigrationAutodetector):
    """Compares without comments. Tortoise makes comments of tables and columns from docstrings and
    enum members: every edit of one would be a migration, and a `;` in one breaks its splitting of
    statements.
    """

    async def changes(self) -> list[MigrationWriter]:
        return [
            _Draft(
                draft.name,
                draft.app_label,
                draft.operations,
                dependencies=draft.dependencies,
                initial=draft.initial or None,
            )
            for draft in await super().changes()
        ]

    def _current_state(self) -> State:
        return _without_comments(super()._current_state())

    async def _project_state(self) -> State:
        return _without_comments(await super()._project_state())


def _without_comments(state: State) -> State:
    for model in state.models.values():
        model.description = ""
        model.options.pop("table_description", None)
        for field in model.fields.values():
            field.description = None
    return state


class _Draft(MigrationWriter):
    """Leaves new tables to Tortoise, and writes every other change as `Statements` to be filled in:
    Tortoise rebuilds a changed SQLite table without its unique constraints and indexes.
    """

    def _format_operation(
        self, operation: Operation, imports: ImportManager, *, indent: str
    ) -> list[str]:
        if isinstance(operation, CreateModel):
            operation.bases = None
            return super()._format_operation(operation, imports, indent=indent)
        imports.add_from("models.statements", "Statements")
        return [
            f"{indent}Statements(",
            f"{indent}    sqlite=[],",
            f"{indent}    postgres=[],",
            f"{indent}    state=[",
            *super()._format_operation(operation, imports, indent=indent + " " * 8),
            f"{indent}    ],",
            f"{indent}),",
        ]

    def _render_field(self, field: Any, imports: ImportManager) -> str:
        path, args, kwargs = field.deconstruct()
        said = {name: value for name, value in kwargs.items() if NOISE.get(name, ...) != value}
        if field.pk:
            said = {name: said[name] for name in said if name not in ("unique", "db_index")}
        if not field.unique:
            said.pop("unique", None)
        return _render_call(path, args, said, imports)


def main() -> None:
    draft = asyncio.run(drift())
    if draft is not None:
        sys.stdout.write(draft)


if __name__ == "__main__":
    main()

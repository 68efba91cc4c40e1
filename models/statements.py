"""Migrations written by hand, in the SQL of each database."""

from collections.abc import Sequence

from tortoise.migrations.operations import TortoiseOperation
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State


class Statements(TortoiseOperation):
    """SQL for SQLite, SQL for PostgreSQL, and what both come to in Tortoise's terms.

    `state` holds the operations that Tortoise would have run: they are not executed, but tell it
    what the tables look like afterwards, which `models.drift` compares with the models. Statements
    are run one at a time, in the order given, in the transaction of the migration; on SQLite with
    foreign keys off, so that a table can be rebuilt without deleting its children.
    """

    reversible = False

    def __init__(
        self,
        *,
        sqlite: Sequence[str],
        postgres: Sequence[str],
        state: Sequence[TortoiseOperation] = (),
    ) -> None:
        self.sqlite = tuple(sqlite)
        self.postgres = tuple(postgres)
        self.state = tuple(state)

    def state_forward(self, app_label: str, state: State) -> None:
        for operation in self.state:
            operation.state_forward(app_label, state)

    async def database_forward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        if state_editor is None:
            return
        for statement in self.sqlite if state_editor.DIALECT == "sqlite" else self.postgres:
            await state_editor.client.execute_query(statement)

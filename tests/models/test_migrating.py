"""Databases come to the present tables, whatever they held, and whoever else is at it."""

import asyncio
import os
import sqlite3
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from tortoise.exceptions import OperationalError
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget

import models.migrations
from models import database, migrating
from models.database import migrated_apps, opened
from models.migrating import MigrationError, pending, upgrade
from models.sql import connection, is_postgres
from tests.conftest import SECRET_KEYS
from tests.models import catalog
from tests.models.rows import ROWS, counts, fill

NAMES = sorted(path.stem for path in Path(models.migrations.__file__).parent.glob("0*.py"))


async def test_a_database_without_tables_lacks_every_migration_and_stays_as_it_is(
    empty_url: str,
) -> None:
    async with opened(empty_url, SECRET_KEYS):
        assert await pending() == NAMES
        assert await catalog.table_names() == []


async def test_every_migration_is_applied_once_in_order(empty_url: str) -> None:
    seen: list[str] = []
    async with opened(empty_url, SECRET_KEYS):
        assert await upgrade(seen.append) == NAMES
        assert seen == NAMES
        assert await pending() == []
        assert await upgrade(seen.append) == []
        assert seen == NAMES


@pytest.mark.parametrize("first", NAMES)
async def test_a_populated_database_keeps_every_row(empty_url: str, first: str) -> None:
    async with opened(empty_url, SECRET_KEYS):
        await upgrade(to=first)
        assert await pending() == [name for name in NAMES if name > first]
        before = await fill()
        queued = before["audit_unsealed"]  # by a trigger, once there is one
        assert set(before.values()) <= {ROWS, queued}

        await upgrade()

        after = await counts()
        assert {name: after[name] for name in before} == before
        if not is_postgres():
            assert await catalog.rows("PRAGMA foreign_key_check") == []
            assert (await catalog.rows("PRAGMA foreign_keys"))[0]["foreign_keys"] == 1


UPGRADE = f"""
import asyncio, sys
from models.database import opened
from models.migrating import upgrade

async def main():
    async with opened(sys.argv[1], {SECRET_KEYS!r}):
        print(",".join(await upgrade()))

asyncio.run(main())
"""


async def test_processes_that_upgrade_at_once_apply_each_migration_once(empty_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            UPGRADE,
            empty_url,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(models.__file__).parents[1])},
        )
        for _ in range(3)
    ]
    outputs = [(await process.communicate())[0].decode().strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    applied = [name for output in outputs for name in output.split(",") if name]
    assert sorted(applied) == NAMES


async def test_a_sqlite_database_that_somebody_writes_to_is_refused_clearly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    path = tmp_path / "busy.sqlite3"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("BEGIN IMMEDIATE")
    async with opened(f"sqlite://{path}", SECRET_KEYS):
        with pytest.raises(MigrationError, match="Another process is writing"):
            await upgrade()
        other.execute("ROLLBACK")
        assert await catalog.table_names() == []
        assert await upgrade() == NAMES
    other.close()


FAILING = {
    "0001_boxes": """
        Statements(
            sqlite=["CREATE TABLE boxes (id INT)"],
            postgres=["CREATE TABLE boxes (id INT)"],
        )
    """,
    "0002_breaks": """
        Statements(
            sqlite=["CREATE TABLE lids (id INT)", "INSERT INTO nowhere VALUES (1)"],
            postgres=["CREATE TABLE lids (id INT)", "INSERT INTO nowhere VALUES (1)"],
        )
    """,
}


async def test_a_migration_that_fails_leaves_nothing_of_itself(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_migrations(tmp_path, monkeypatch, "failing_migrations", FAILING)
    async with opened(empty_url, SECRET_KEYS):
        with pytest.raises(OperationalError, match="nowhere"):
            await upgrade()
        assert await catalog.table_names() == ["boxes", "tortoise_migrations"]
        assert await pending() == ["0002_breaks"]


def use_migrations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, operations: dict[str, str]
) -> None:
    """Have `upgrade` apply these operations, one migration each, instead of the product's."""
    write_migrations(tmp_path / package, operations)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(migrating, "migrated_apps", lambda: migrated_apps(package))


def write_migrations(folder: Path, operations: dict[str, str]) -> None:
    folder.mkdir()
    (folder / "__init__.py").touch()
    previous: list[tuple[str, str]] = []
    for name, operation in operations.items():
        header = dedent("""
            from tortoise import fields, migrations
            from tortoise.migrations import operations as ops
            from models.statements import Statements

            class Migration(migrations.Migration):
        """)
        body = f"    dependencies = {previous!r}\n    operations = [{operation}]\n"
        (folder / f"{name}.py").write_text(header + body)
        previous = [("models", name)]


SHELVES = """
    ops.CreateModel(
        name="Shelf",
        fields=[
            ("id", fields.IntField(primary_key=True)),
            ("room", fields.CharField(max_length=10)),
            ("name", fields.CharField(max_length=10)),
        ],
        options={"table": "shelves", "app": "models", "unique_together": (("room", "name"),)},
    ),
    ops.CreateModel(
        name="Book",
        fields=[
            ("id", fields.IntField(primary_key=True)),
            ("shelf", fields.ForeignKeyField("models.Shelf", source_field="shelf_id")),
        ],
        options={"table": "books", "app": "models"},
    ),
"""
WIDEN = """
    ops.AlterField(model_name="Shelf", name="name", field=fields.CharField(max_length=99)),
"""
WIDEN_BY_HAND = f"""
    Statements(
        sqlite=[
            '''CREATE TABLE new_shelves (
                id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
                room VARCHAR(10) NOT NULL,
                name VARCHAR(99) NOT NULL,
                CONSTRAINT uid_shelves UNIQUE (room, name)
            )''',
            "INSERT INTO new_shelves SELECT id, room, name FROM shelves",
            "DROP TABLE shelves",
            "ALTER TABLE new_shelves RENAME TO shelves",
        ],
        postgres=["ALTER TABLE shelves ALTER COLUMN name TYPE VARCHAR(99)"],
        state=[{WIDEN}],
    )
"""


async def _shelves_with_books() -> None:
    for statement in (
        "INSERT INTO shelves (room, name) VALUES ('hall', 'top'), ('hall', 'low')",
        "INSERT INTO books (shelf_id) VALUES (1), (1), (2)",
    ):
        await catalog.rows(statement)


async def test_a_table_changed_by_hand_keeps_its_children_and_uniques(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations = {"0001_shelves": SHELVES, "0002_widen": WIDEN_BY_HAND}
    use_migrations(tmp_path, monkeypatch, "by_hand_migrations", migrations)
    async with opened(empty_url, SECRET_KEYS):
        await upgrade(to="0001_shelves")
        await _shelves_with_books()

        assert await upgrade() == ["0002_widen"]

        assert await counts() == {"shelves": 2, "books": 3}
        shelves = (await catalog.tables())["shelves"]
        assert shelves.columns["name"].type == "VARCHAR(99)"
        assert shelves.unique == {("room", "name")}
        if not is_postgres():
            assert await catalog.rows("PRAGMA foreign_key_check") == []


async def test_a_migration_that_would_orphan_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clearing = "Statements(sqlite=['DELETE FROM shelves'], postgres=[])"
    migrations = {"0001_shelves": SHELVES, "0002_clear": clearing}
    use_migrations(tmp_path, monkeypatch, "orphaning_migrations", migrations)
    async with opened(f"sqlite://{tmp_path / 'shelves.sqlite3'}", SECRET_KEYS):
        await upgrade(to="0001_shelves")
        await _shelves_with_books()

        with pytest.raises(MigrationError, match="without parent in books"):
            await upgrade()

        assert await counts() == {"shelves": 2, "books": 3}
        assert await pending() == ["0002_clear"]


async def test_tortoise_rebuilding_a_table_loses_its_children_and_uniques(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why changes are written by hand. When this fails, Tortoise has learned it: drop the rule."""
    write_migrations(tmp_path / "tortoise_migrations", {"0001": SHELVES, "0002": WIDEN})
    monkeypatch.syspath_prepend(tmp_path)
    async with opened(f"sqlite://{tmp_path / 'shelves.sqlite3'}", SECRET_KEYS):
        executor = MigrationExecutor(connection(), migrated_apps("tortoise_migrations"))
        await executor.migrate([MigrationTarget("models", "0001")])
        await _shelves_with_books()
        assert (await catalog.tables())["shelves"].unique == {("room", "name")}

        await executor.migrate([MigrationTarget("models", "0002")])

        assert await counts() == {"shelves": 2, "books": 0}
        assert (await catalog.tables())["shelves"].unique == frozenset()

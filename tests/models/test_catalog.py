"""A migrated database is what the models declare, to the last index."""

from models.sql import is_postgres
from tests.models import catalog


async def test_a_migrated_database_is_what_the_models_declare(database: str) -> None:
    found = await catalog.tables()
    declared = catalog.declared("postgres" if is_postgres() else "sqlite")
    assert sorted(found) == sorted(declared)
    for name, table in declared.items():
        assert (name, found[name]) == (name, table)


async def test_every_foreign_key_leads_an_index(database: str) -> None:
    """Deleting a parent, and every look-up by it, would otherwise read the whole child table."""
    bare = {
        f"{name}.{key.column}"
        for name, table in (await catalog.tables()).items()
        for key in table.foreign_keys
        if not any(columns[0] == key.column for columns in table.unique | table.indexes)
    }
    assert bare == set()

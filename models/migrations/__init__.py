"""The migrations, applied in the order of their names by `gatepost migrate`.

The first one is generated from the models. Later changes to a table are written by hand per
dialect with `Statements`: Tortoise rebuilds a SQLite table with foreign keys on, which deletes its
children and drops its unique constraints. `tests/models` holds every migration to the models.
"""

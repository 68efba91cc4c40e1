"""The migrations, applied in the order of their names by `gatepost migrate`.

Owns: how the tables came to be. A migration is one step, reviewed, and never changed once released.
May import: Tortoise's migrations, `models.statements`, and the models' enums and defaults.
Leaves to others: running them (`models.migrating`) and drafting the next one (`models.drift`). New
tables are created as Tortoise does; a change of a table is written by hand with `Statements`, since
Tortoise rebuilds a SQLite table with foreign keys on, which deletes its children and drops its
unique constraints. `tests/models` holds every migration to the models.
"""

"""The schema as text. `schema/schema.graphql` is the committed copy; a test compares the two."""

from functools import cache
from pathlib import Path

from schema.schema import schema

COMMITTED = Path(__file__).parent / "schema.graphql"


@cache
def sdl() -> str:
    """The whole schema in the schema definition language."""
    return schema.as_str() + "\n"

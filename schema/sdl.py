"""The schema as text. `schema/schema.graphql` is the committed copy; a test compares the two."""

from functools import cache

from schema.schema import schema


@cache
def sdl() -> str:
    """The whole schema in the schema definition language."""
    return schema.as_str() + "\n"

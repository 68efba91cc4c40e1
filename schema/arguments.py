"""What arguments mean: the ones that many fields share, and where the others get their sentence."""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from graphql import GraphQLSchema, get_named_type

from identity.access.permissions import Permission
from identity.least_privilege import MOST_DAYS

First = Annotated[int | None, strawberry.argument(description="How many from the start.")]
After = Annotated[str | None, strawberry.argument(description="Only what follows this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end.")]
Before = Annotated[str | None, strawberry.argument(description="Only what precedes this cursor.")]
GlobalId = Annotated[strawberry.ID, strawberry.argument(description="Its global id.")]
GlobalIds = Annotated[
    list[strawberry.ID], strawberry.argument(description="Their global ids; at most 100.")
]
Asked = Annotated[
    list[Permission] | None, strawberry.argument(description="Which permissions to answer for.")
]

Days = Annotated[
    int, strawberry.argument(description=f"How many days to look back, at most {MOST_DAYS}.")
]

OF_DIRECTIVES: Mapping[str, str] = {
    "auth.requires": "The permissions of which one is enough.",
    "auth.at": "Where it is held.",
}


def describe_arguments(schema: GraphQLSchema) -> None:
    """Complete the schema, in place, where Strawberry takes no description: an `input` is described
    by its type, and the arguments of our directives are described here.
    """
    for field in schema.mutation_type.fields.values() if schema.mutation_type else ():
        for argument in field.args.values():
            argument.description = get_named_type(argument.type).description
    for directive in schema.directives:
        for name, argument in directive.args.items():
            described = OF_DIRECTIVES.get(f"{directive.name}.{name}")
            argument.description = argument.description or described

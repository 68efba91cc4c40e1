"""What a role gets of an operation."""

import strawberry

from identity.access.permissions import Permission
from models.role import Role as RoleRow
from schema.directives import public, public_column
from schema.enums import describe
from schema.requirements.verdict import Effect, Judgement, Loss, Verdict
from schema.roles.types import Role

describe(
    Verdict,
    "How much of an operation works.",
    {
        Verdict.FULL: "Nothing that it may select or give is closed.",
        Verdict.PARTLY: "Something of it is closed.",
        Verdict.NONE: "It is refused, or of what needs a permission nothing is there.",
    },
)
describe(
    Effect,
    "What happens to a coordinate that is closed.",
    {
        Effect.NULL: "It is null, with an error.",
        Effect.LEFT_OUT: "It is left out, without an error.",
        Effect.REFUSED: "The whole operation is refused.",
    },
)


@strawberry.type(description="A coordinate of an operation that is closed. What is in it is, too.")
class LostCoordinate:
    row: strawberry.Private[Loss]

    path: str = public_column(
        "path", "Its place in the answer, with [] after a list: `workspaces[].campaigns`."
    )
    coordinate: str = public_column(
        "coordinate", "What is closed in the schema: `Campaign.subject`."
    )
    effect: Effect = public_column("effect", "What happens to it.")
    reason: str = public_column("reason", "What it needs, in one sentence.")

    @public("The permissions of which one opens it; none, where holding anything does.")
    def missing(self) -> list[Permission]:
        return list(self.row.missing)

    @public("Only if all of this is so: `$details`, `not $brief`, or `$input.name` is given.")
    def conditions(self) -> list[str]:
        return list(self.row.conditions)


@strawberry.type(description="What a role gets of an operation.")
class OperationAccess:
    role_row: strawberry.Private[RoleRow]
    row: strawberry.Private[Judgement]

    verdict: Verdict = public_column("verdict", "How much of it works.")

    @public("The role.")
    def role(self) -> Role:
        return Role(row=self.role_row)

    @public("What is closed, in the order of the document.")
    def lost(self) -> list[LostCoordinate]:
        return [LostCoordinate(row=loss) for loss in self.row.lost]

"""A declaration that the models do not bear out is found when the process starts."""

from typing import Any

import pytest
import strawberry

from models.campaign import Campaign as CampaignRow
from models.member import Member as MemberRow
from schema.directives import PUBLIC, public_column
from schema.engine.mapped import MappingError, mapped_types
from schema.fields import computed, to_many, to_one


@strawberry.type(description="A person.")
class Person:
    row: strawberry.Private[MemberRow]
    name: str = public_column("name", "What people call them.")


@strawberry.type(description="Where reading begins.")
class Query:
    nothing: str = ""


def problems(field: Any, annotation: Any) -> str:
    """What is said of a type on campaigns that has one such field."""
    row: Any = strawberry.Private[CampaignRow]
    namespace = {"__annotations__": {"row": row, "wrong": annotation}, "wrong": field}
    mailing = strawberry.type(type("Mailing", (), namespace), description="One mailing.")
    with pytest.raises(MappingError) as raised:
        mapped_types(strawberry.Schema(Query, types=[Person, mailing])._schema)
    return str(raised.value)


@pytest.mark.parametrize(
    ("field", "annotation", "said"),
    [
        (public_column("title", "…"), str, "title is no column of Campaign"),
        (public_column("scheduled_at", "…"), str, "the column scheduled_at may be null"),
        (
            computed(lambda access, row: "", "…", reads=("nothing",), requires=PUBLIC),
            str,
            "nothing is no column of Campaign",
        ),
        (to_one("author", "…", requires=PUBLIC), Person | None, "author is no foreign key"),
        (to_one("owner", "…", requires=PUBLIC), Person, "owner may be null"),
        (to_one("workspace", "…", requires=PUBLIC), Person | None, "workspace points at Workspace"),
        (
            to_many(CampaignRow, "owner_id", "…", requires=PUBLIC),
            list[Person],
            "its objects do not stand on Campaign",
        ),
    ],
)
async def test_a_wrong_declaration(database: str, field: Any, annotation: Any, said: str) -> None:
    assert problems(field, annotation).startswith(f"Mailing.wrong: {said}")

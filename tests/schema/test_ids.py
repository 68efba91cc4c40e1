"""Global ids: opaque, of one type, and never believed."""

import base64

import pytest

from schema.ids import global_id, parse_id, row_id
from tests.door import Person
from tests.world import UNKNOWN_ID, World


def test_an_id_names_its_type_and_row() -> None:
    assert parse_id(global_id("Campaign", UNKNOWN_ID), field="id") == ("Campaign", UNKNOWN_ID)
    assert row_id(global_id("Role", UNKNOWN_ID), "Role", field="id") == UNKNOWN_ID


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "nonsense",
        "é",
        "\x00",
        "!" * 10_000,
        str(UNKNOWN_ID),
        encoded("Campaign"),
        encoded("Campaign:"),
        encoded(f"Campaign:{UNKNOWN_ID}"),
        encoded("Campaign:" + "z" * 32),
        encoded("Campaign:" + "é" * 16),
    ],
)
async def test_nonsense_is_bad_input(otto: Person, world: World, nonsense: str) -> None:
    for query in ("node", "workspace", "campaign"):
        body = await otto.ask(f"query ($id: ID!) {{ {query}(id: $id) {{ id }} }}", {"id": nonsense})
        assert body["data"] == {query: None}
        assert body["errors"][0]["extensions"] == {"code": "BAD_INPUT", "field": "id"}


async def test_an_id_of_another_type_says_which_is_wanted(otto: Person, world: World) -> None:
    body = await otto.ask(
        "query ($id: ID!) { campaign(id: $id) { id } }",
        {"id": global_id("Workspace", world.a.id)},
    )
    assert body["errors"][0]["message"] == "This is the id of a Workspace; give that of a Campaign."

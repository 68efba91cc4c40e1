"""What one request may make the engine read, and what it may make it keep."""

import gc
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import pytest

from identity.access.permissions import Permission
from identity.refusals import Refusal, TooExpensive
from models import Workspace
from models.ids import new_id
from models.reading import fetch
from schema import cost, execution, schema
from schema.engine import engine as engine_module
from schema.engine import run
from schema.execution import Request
from schema.ids import global_id
from tests.door import Person
from tests.schema.asking import answered
from tests.world import World, at_workspace, new_world

PAGE = "query ($id: ID!) { workspace(id: $id) { campaigns { totalCount nodes { name body } } } }"


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> OrderedDict[Any, Any]:
    """Those that the engine keeps: none yet, and of few fields at most."""
    kept: OrderedDict[Any, Any] = OrderedDict()
    monkeypatch.setattr(schema.engine, "_plans", kept)
    monkeypatch.setattr(engine_module, "MOST_FIELDS_KEPT", 60)
    return kept


async def test_rows_of_another_organization_are_not_even_read(
    olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await new_world("globex")
    await other.campaign(other.a, "Hidden")
    read: list[Any] = []

    async def watched(text: str, values: Sequence[object]) -> Sequence[Any]:
        rows = await fetch(text, values)
        read.extend(value for row in rows for value in row)
        return rows

    monkeypatch.setattr(run, "fetch", watched)
    for _ in range(2):  # the first request compiles, the second is of a presumed caller
        body = await olga.ask(PAGE, {"id": global_id("Workspace", other.a.id)})
        assert body["data"] == {"workspace": None}
        assert body["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert "Hidden" not in read
    assert read == [None] * len(read)


async def test_refused_fields_leave_nothing_to_the_garbage_collector(world: World) -> None:
    """What it finds, it looks for while everybody waits."""
    await world.campaign(world.a)
    member = await world.member("Rita")
    await world.give(
        member,
        await world.custom_role("Counter", Permission.CAMPAIGNS_RESULTS),
        at_workspace(world.a),
    )
    subject = await world.subject(member)
    unknown = global_id("Workspace", new_id())
    requests = [
        Request(PAGE, {"id": each}, None)
        for each in (global_id("Workspace", world.a.id), unknown, "x")
    ]
    codes = []
    gc.collect()
    gc.disable()
    before = _living(Refusal, run.Run)
    try:
        for request in requests:
            body = (await answered(request, subject)).body
            codes.append([error["extensions"]["code"] for error in body["errors"]])
        left = [each for each in _living(Refusal, run.Run) if each not in before]
    finally:
        gc.enable()
    assert codes == [["FORBIDDEN"], ["NOT_FOUND"], ["BAD_INPUT"]]
    assert left == []


def _living(*types: type) -> list[object]:
    return [each for each in gc.get_objects() if isinstance(each, types)]


async def test_lists_of_many_parents_are_bounded_by_the_rows_they_read(
    olga: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await Workspace.create(organization=world.organization, slug=f"w{number}", name="W")
    document = "{ workspaces { campaigns(first: 100) { nodes { name } } } }"
    assert len((await olga.data(document))["workspaces"]) == 7

    monkeypatch.setattr(run, "MOST_ROWS", 600)
    monkeypatch.setattr(cost, "MOST_ROWS", 600)
    body = (await olga.post({"query": document})).json()

    assert body["errors"][0]["extensions"] == {
        "code": TooExpensive.code,
        "measure": "rows",
        "measured": 714,
        "limit": 600,
    }
    assert "data" not in body


async def test_more_parents_than_a_statement_has_branches_are_read_in_several(
    olga: Person, world: World
) -> None:
    rows = [
        Workspace(organization_id=world.organization.id, slug=f"w{number}", name=f"W{number:03}")
        for number in range(90)
    ]
    await Workspace.bulk_create(rows)
    await world.campaign(await Workspace.get(name="W000"), "First")
    await world.campaign(await Workspace.get(name="W089"), "Last")

    found = await olga.data(
        "{ workspaces { name campaigns(first: 2) { totalCount nodes { name } } } }"
    )

    seen = {each["name"]: each["campaigns"] for each in found["workspaces"]}
    assert len(found["workspaces"]) == 92
    assert seen["W000"] == {"totalCount": 1, "nodes": [{"name": "First"}]}
    assert seen["W089"] == {"totalCount": 1, "nodes": [{"name": "Last"}]}
    assert seen["W050"] == {"totalCount": 0, "nodes": []}


async def test_a_variable_is_no_condition_of_an_operation_that_gives_it_another_type(
    world: World, plans: OrderedDict[Any, Any]
) -> None:
    """Otherwise its value, however long, would be kept beside the plan."""
    document = """
        query A($c: Boolean!) { viewer { name @include(if: $c) } }
        query B($c: ID!) { node(id: $c) { id } }
    """
    subject = await world.subject(world.owner)
    for number in range(3):
        await answered(Request(document, {"c": "x" * 1000 + str(number)}, "B"), subject)
    assert [key[1:] for key in plans] == [("B", (None,))]


async def test_plans_are_dropped_by_what_they_weigh(
    world: World, plans: OrderedDict[Any, Any]
) -> None:
    subject = await world.subject(world.owner)
    for number in range(40):
        await answered(Request(f"query N{number} {{ viewer {{ name email }} }}", {}, None), subject)
    assert [name for _, name, _ in plans] == [f"N{number}" for number in range(30, 40)]
    first = Request("query N0 { viewer { name email } }", {}, None)
    assert (await answered(first, subject)).body["data"]["viewer"]["name"] == world.owner.name


async def test_a_plan_in_use_outlives_those_compiled_before_its_last_use(
    world: World, plans: OrderedDict[Any, Any]
) -> None:
    subject = await world.subject(world.owner)
    for number in range(40):
        await answered(Request("query Used { viewer { name email } }", {}, None), subject)
        await answered(Request(f"query N{number} {{ viewer {{ name email }} }}", {}, None), subject)
    names = [name for _, name, _ in plans]
    assert names == [*(f"N{number}" for number in range(31, 39)), "Used", "N39"]


async def test_reasons_against_a_plan_are_bounded_like_plans(
    world: World, plans: OrderedDict[Any, Any]
) -> None:
    """Boolean variables have 2^n combinations, each of which may be one that is not compiled."""
    subject = await world.subject(world.owner)
    names = "abcdefg"
    given = " ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: __typename @include(if: ${name})" for name in names)
    document = f"query ({given}) {{ _entities(representations: []) {{ __typename }} {fields} }}"
    for number in range(2 ** len(names)):
        values = {name: bool(number >> place & 1) for place, name in enumerate(names)}
        body = (await answered(Request(document, values, None), subject)).body
        assert len(body["data"]) == 1 + number.bit_count()
    assert list(plans.values()) == ["an interface or a union"] * 60


async def test_nothing_is_compiled_for_a_caller_who_is_only_presumed(
    olga: Person, world: World
) -> None:
    await olga.data("query Known { viewer { name } }")
    unknown = f"query Unknown{new_id().hex} {{ viewer {{ email }} }}"
    from_presumed = Request(unknown, {}, None)
    assert execution.known(from_presumed) is None
    assert unknown not in execution._sent.kept
    await olga.data(unknown)
    assert execution.known(from_presumed) is not None

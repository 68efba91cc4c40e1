"""Variables that do not fit: told where and what for, without their values, in a bounded time."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, parse
from graphql.execution.values import VariableValues

from models import AuditEvent, Role
from schema import execution
from schema.errors import formatted
from schema.schema import graphql_schema
from schema.variables import MOST_MISTAKES, coerced
from tests.door import Person
from tests.schema.asking import answered
from tests.world import World

CREATE = "mutation ($input: CreateRoleInput!) { createRole(input: $input) { role { id } } }"
SECRET = "hunter2-" + "x" * 300
SCHEMA = build_schema(
    "type Query { f(a: Int, b: [Choice!], c: [[In]], d: Pick): Int } enum Choice { LEFT RIGHT }"
    ' input In { n: Int! b: In s: String! = "s" } input Pick @oneOf { x: Int y: Int }'
)


def operation(source: str) -> OperationDefinitionNode:
    node = parse(source).definitions[0]
    assert isinstance(node, OperationDefinitionNode)
    return node


def told(type_: str, given: dict[str, Any]) -> list[tuple[str, str]]:
    """The path and the message of each mistake in the variable `$v` of a type."""
    found = coerced(SCHEMA, operation(f"query ($v: {type_}) {{ f }}"), given)
    assert isinstance(found, list)
    answered = [formatted(error, request_id=None) for error in found]
    assert {one["extensions"]["code"] for one in answered} == {"BAD_INPUT"}
    return [(one["extensions"]["field"], one["message"]) for one in answered]


@pytest.mark.parametrize(
    ("type_", "given", "path", "what"),
    [
        ("Int!", {}, "v", "is missing: it must be given as Int!."),
        ("Int!", {"v": None}, "v", "must not be null: its type is Int!."),
        ("Int", {"v": SECRET}, "v", "has a value that is not of the type Int."),
        ("Int", {"v": 2**31}, "v", "has a value that is not of the type Int."),
        (
            "[Choice!]",
            {"v": ["LEFT", SECRET]},
            "v.1",
            "has a value that is not of the type Choice.",
        ),
        ("[Choice!]", {"v": SECRET}, "v", "has a value that is not of the type Choice."),
        ("[Choice!]", {"v": ["LEFT", None]}, "v.1", "must not be null: its type is Choice!."),
        (
            "[[In]]",
            {"v": [[None, {"n": 1}], [{}]]},
            "v.1.0.n",
            "is missing: it must be given as Int!.",
        ),
        (
            "In",
            {"v": {"n": 1, "b": {"n": SECRET}}},
            "v.b.n",
            "has a value that is not of the type Int.",
        ),
        ("In", {"v": {"n": 1, "s": None}}, "v.s", "must not be null: its type is String!."),
        ("In", {"v": [SECRET]}, "v", "has a value that is not of the type In."),
        ("In", {"v": {"n": 1, "m": SECRET}}, "v", "has a field 'm', which In does not have."),
        (
            "In",
            {"v": {"n": 1, "m" * 900: SECRET}},
            "v",
            f"has a field '{'m' * 40}…', which In does not have.",
        ),
        (
            "Pick",
            {"v": {"x": 1, "y": 2}},
            "v",
            "must have exactly one field of Pick, and not null.",
        ),
        ("Pick", {"v": {"x": None}}, "v", "must have exactly one field of Pick, and not null."),
        ("Pick", {"v": {}}, "v", "must have exactly one field of Pick, and not null."),
    ],
)
def test_a_mistake_is_told_by_its_place_and_not_by_its_value(
    type_: str, given: dict[str, Any], path: str, what: str
) -> None:
    assert told(type_, given) == [(path, f"Variable '${path}' {what}")]


@pytest.mark.parametrize(
    ("type_", "given", "value"),
    [
        ("Int = 3", {}, {"v": 3}),
        ("Int! = 3", {}, {"v": 3}),
        ("Int", {}, {}),
        ("Int", {"v": None}, {"v": None}),
        ("[Choice!]", {"v": "LEFT"}, {"v": ["LEFT"]}),
        ("In", {"v": {"n": 1}, "unknown": SECRET}, {"v": {"n": 1, "s": "s"}}),
        ("Pick", {"v": {"y": 2}}, {"v": {"y": 2}}),
    ],
)
def test_what_fits_is_coerced(type_: str, given: dict[str, Any], value: dict[str, Any]) -> None:
    found = coerced(SCHEMA, operation(f"query ($v: {type_}) {{ f }}"), given)
    assert isinstance(found, VariableValues)
    assert found.coerced == value


def test_the_mistakes_of_all_variables_are_told_together() -> None:
    source = "query ($a: Int, $b: Choice, $c: In) { f }"
    found = coerced(SCHEMA, operation(source), {"a": "x", "b": "LEFT", "c": {}})
    assert isinstance(found, list)
    assert [error.message.split("'")[1] for error in found] == ["$a", "$c.n"]


class Counting(dict[str, Any]):
    """An object of the variables that counts how often its keys are gone through."""

    read = 0

    def __iter__(self) -> Iterator[str]:
        for key in super().__iter__():
            self.read += 1
            yield key

    def items(self) -> Any:
        for key in self:
            yield key, self[key]


def test_unknown_fields_are_gone_through_once_and_not_once_for_each() -> None:
    many = Counting({"name": "X", **{f"k{n}": n for n in range(6_000)}})
    found = coerced(graphql_schema, operation(CREATE), {"input": many})
    assert isinstance(found, list)
    assert len(found) == MOST_MISTAKES == 10
    assert many.read <= 2 * len(many)


async def test_many_wrong_values_bring_few_and_short_errors(otto: Person) -> None:
    response = await otto.post(
        {
            "query": "query ($p: [Permission!]) { viewer { member { viewerCan(permissions: $p)"
            " { allowed } } } }",
            "variables": {"p": [SECRET] * 900},
        },
        accept="application/graphql-response+json",
    )
    assert response.status_code == 400
    assert [error["extensions"]["field"] for error in response.json()["errors"]] == [
        f"p.{n}" for n in range(10)
    ]
    assert "hunter2" not in response.text


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"name": {"password": SECRET}}, "input.name"),
        ({"name": "X", "password": SECRET}, "input"),
        ({"description": SECRET}, "input.name"),
        ({"name": "X", "permissions": [SECRET]}, "input.permissions.0"),
    ],
)
async def test_wrong_variables_run_nothing_and_are_not_repeated(
    olga: Person, wrong: dict[str, Any], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = (await Role.all().count(), await AuditEvent.all().count())
    body = await olga.ask(CREATE, {"input": wrong})
    assert list(body) == ["errors"]
    assert body["errors"][0]["extensions"] == {"code": "BAD_INPUT", "field": path}
    assert "hunter2" not in str(body) + caplog.text
    assert (await Role.all().count(), await AuditEvent.all().count()) == before


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("query ($n: Int) { workspaces { campaigns(first: $n) { nodes { id } } } }", {"n": 1}),
        (CREATE, {"input": {"name": "Made", "permissions": ["CAMPAIGNS_READ"]}}),
    ],
)
async def test_variables_are_coerced_once_for_all_that_looks_at_them(
    world: World, query: str, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def counting(*arguments: Any) -> Any:
        calls.append(arguments)
        return coerced(*arguments)

    monkeypatch.setattr(execution, "coerced", counting)
    subject = await world.subject(world.owner)
    answer = await answered(execution.Request(query, given, None), subject)
    assert answer.executed
    assert "errors" not in answer.body
    assert len(calls) == 1

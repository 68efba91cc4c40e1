"""`gatepost explain`: how a query is answered to a member."""

import json
from pathlib import Path

import pytest

from models import AuditEvent, Member, Role, Session
from tests.gateway.commands import Gatepost, Said

WHO = "query Who { viewer { name } organization { members(first: 2) { nodes { email } } } }"
OLGA = ("--org", "acme", "--as", "olga@acme.example")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "query.graphql"
    path.write_text(WHO)
    return path


def explain(gatepost: Gatepost, document: Path, *more: str) -> Said:
    return gatepost.run("explain", str(document), *OLGA, *more)


def test_it_prints_the_tree(gatepost: Gatepost, document: Path) -> None:
    gatepost.acme()

    said = explain(gatepost, document)

    assert (said.exit_code, said.stderr) == (0, "")
    printed = said.stdout.splitlines()
    assert printed[0].startswith("Answered by the engine in ")
    assert printed[1] == "It could have cost 8 of 25,000."
    assert printed[2] == "viewer  (Query.viewer)"
    assert "  statement 1, " in printed[3]
    assert "    LEFT JOIN organizations s1 ON s1.id = $2" in said.stdout
    assert "organization  (Query.organization)\n  read by statement 1\n" in said.stdout
    assert "needs MEMBERS_READ: ALLOWED. Allowed by role Owner at organization." in said.stdout
    assert "olga@acme.example" not in said.stdout


def test_it_prints_json(gatepost: Gatepost, document: Path) -> None:
    gatepost.acme()
    found = json.loads(explain(gatepost, document, "--json").stdout)
    assert found["executedBy"] == "engine"
    assert [each["field"] for each in found["fields"]] == ["Query.viewer", "Query.organization"]


def test_it_leaves_no_trace(gatepost: Gatepost, document: Path) -> None:
    gatepost.acme()

    async def counted() -> list[int]:
        return [await AuditEvent.all().count(), await Session.all().count()]

    before = gatepost.look(counted)
    assert explain(gatepost, document).exit_code == 0
    assert gatepost.look(counted) == before


def test_variables_and_an_operation_may_be_given(gatepost: Gatepost, document: Path) -> None:
    made = gatepost.acme()
    document.write_text(
        "query A($id: ID!) { workspace(id: $id) { name } } query B { viewer { name } }"
    )
    variables = json.dumps({"id": made["workspace"]})
    said = explain(gatepost, document, "--operation", "A", "--variables", variables)
    assert "workspace  (Query.workspace)\n  statement 1, 1 row in" in said.stdout


def test_graphql_core_is_named(gatepost: Gatepost, document: Path) -> None:
    gatepost.acme()
    document.write_text("{ __schema { queryType { name } } }")
    said = explain(gatepost, document)
    assert said.stdout.startswith("Answered by graphql-core in ")
    assert " ms: introspection.\n" in said.stdout


def test_a_mutation_is_refused_and_changes_nothing(gatepost: Gatepost, document: Path) -> None:
    gatepost.acme()
    document.write_text('mutation { createRole(input: {name: "New"}) { role { id } } }')

    said = explain(gatepost, document)

    assert (said.exit_code, said.stdout) == (1, "")
    assert said.stderr == f"Error: {document}: Only a query is explained here.\n"

    async def there() -> bool:
        return await Role.exists(name="New")

    assert not gatepost.look(there)


@pytest.mark.parametrize(
    ("query", "more", "sentence"),
    [
        ("{ nothing }", (), "document: Cannot query field 'nothing' on type 'Query'."),
        ("{", (), "document: Syntax Error: Expected Name, found <EOF>."),
        (WHO, ("--variables", "{"), "--variables: This is not JSON: "),
        (WHO, ("--variables", "[]"), "--variables: This is not an object."),
        (WHO, ("--org", "other"), "There is no such organization, or you may not see it."),
        (WHO, ("--as", "nobody@acme.example"), "There is no such member, or you may not see it."),
    ],
)
def test_what_is_wrong_is_said(
    gatepost: Gatepost, document: Path, query: str, more: tuple[str, ...], sentence: str
) -> None:
    gatepost.acme()
    document.write_text(query)
    said = explain(gatepost, document, *more)
    assert (said.exit_code, said.stdout) == (1, "")
    assert said.stderr.startswith(f"Error: {sentence}")


def test_who_is_not_active_sees_nothing(gatepost: Gatepost, document: Path) -> None:
    gatepost.acme()

    async def suspended() -> int:
        return await Member.all().update(status="suspended")

    gatepost.look(suspended)
    said = explain(gatepost, document)
    assert said == Said(1, "", "Error: olga@acme.example is not active.\n")

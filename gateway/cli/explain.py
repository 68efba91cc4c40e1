"""`gatepost explain`: how a query is answered to a member."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import orjson
from graphql import OperationType

from gateway.cli.opening import origin, run
from gateway.cli.printing import as_json
from gateway.settings import Settings
from identity import organizations
from identity.refusals import BadInput
from schema.execution import Prepared, Request, prepared
from schema.explaining import described
from schema.schema import engine

CLAUSES = re.compile(r" (?=(?:FROM|LEFT JOIN|WHERE|UNION ALL|ORDER BY)\b)")
"""Where a line of SQL is broken for people."""


@click.command()
@click.argument("document", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--org", "slug", required=True, help="The slug of the organization.")
@click.option("--as", "email", required=True, metavar="EMAIL", help="The member who asks.")
@click.option("--variables", default="{}", metavar="JSON", help="A JSON object.")
@click.option("--operation", help="Which operation, if the document has several.")
@as_json
def explain(
    document: Path, slug: str, email: str, variables: str, operation: str | None, as_json: bool
) -> None:
    """Run a query as a member, and print its plan, its SQL and what decided about each field.

    Nothing is changed: only queries are run. The answer itself is not printed, and neither is any
    value that the SQL was given.
    """
    request = Request(document.read_text(encoding="utf-8"), _object(variables), operation)

    async def explained(settings: Settings) -> dict[str, Any]:
        engine.require_mapped()
        ready = prepared(request, request_id=None)
        if isinstance(ready, Prepared) and ready.kind is not OperationType.QUERY:
            raise BadInput("Only a query is explained here.", field=str(document))
        subject = await organizations.as_member(slug, email, origin=origin())
        return await described(ready, subject)

    found = run(explained)
    if as_json:
        click.echo(json.dumps(found))
    else:
        for line in lines(found):
            click.echo(line)


def lines(explanation: Mapping[str, Any]) -> Iterator[str]:
    """An explanation for people."""
    yield _headline(explanation)
    cost = explanation["cost"]
    yield f"It could have cost {cost['requested']:,} of {cost['limit']:,}."
    told: set[int] = set()
    statements = {each["number"]: each for each in explanation["statements"]}
    for each in explanation["fields"]:
        yield from _field(each, statements, told, indent="")


def _headline(explanation: Mapping[str, Any]) -> str:
    took = f"in {explanation['milliseconds']} ms"
    if explanation["executedBy"] is None:
        return "Nothing ran: it was refused."
    if explanation["executedBy"] == "engine":
        plan = "a plan that was there" if explanation["planReused"] else "a plan made for it"
        return f"Answered by the engine {took}, with {plan}."
    return f"Answered by graphql-core {took}: {explanation['reason']}."


def _field(
    field: Mapping[str, Any], statements: Mapping[int, Any], told: set[int], *, indent: str
) -> Iterator[str]:
    named = f"... on {field['on']}" if "on" in field else f"{field['key']}  ({field['field']})"
    yield f"{indent}{named}"
    inner = indent + "  "
    permission = field.get("permission")
    if permission is not None:
        needed = " or ".join(permission["anyOf"])
        yield f"{inner}needs {needed}: {permission['outcome']}. {permission['reason']}"
    for number in field["statements"]:
        statement = statements[number]
        if number in told:
            yield f"{inner}read by statement {number}"
            continue
        told.add(number)
        rows = "1 row" if statement["rows"] == 1 else f"{statement['rows']} rows"
        yield f"{inner}statement {number}, {rows} in {statement['milliseconds']} ms:"
        yield from (f"{inner}  {line}" for line in CLAUSES.split(statement["sql"]))
    for each in field["fields"]:
        yield from _field(each, statements, told, indent=inner)


def _object(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"This is not JSON: {error}", field="--variables") from error
    if not isinstance(value, dict):
        raise BadInput("This is not an object.", field="--variables")
    return value

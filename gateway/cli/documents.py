"""`gatepost documents`: the documents of frontends."""

import json
from pathlib import Path

import click
import orjson

from gateway.cli.matrix import matrix
from gateway.cli.opening import origin, run
from gateway.cli.printing import answer, as_json
from gateway.settings import Settings
from identity import trusted_documents
from identity.refusals import BadInput
from schema.manifests import documents_in, operations_of, problem_of, require_fitting


@click.group()
def documents() -> None:
    """Documents of frontends: those that the server trusts, and what roles get of them."""


documents.add_command(matrix)


@documents.command("import")
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def import_(manifest: Path, as_json: bool) -> None:
    """Trust the documents of a manifest, as graphql-codegen, Relay or Apollo writes it.

    Each is validated against the schema first; if one does not fit, none is imported.
    """

    async def imported(settings: Settings) -> dict[str, str]:
        found = documents_in(_json_in(manifest))
        require_fitting(found)
        added = await trusted_documents.add(found, origin=origin())
        return {"documents": str(len(set(found.values()))), "new_identifiers": str(added)}

    answer(run(imported), headline=f"The documents of {manifest} are trusted.", as_json=as_json)


@documents.command("list")
@as_json
def list_(as_json: bool) -> None:
    """The trusted documents, and whether each still fits the schema."""

    async def listed(settings: Settings) -> list[dict[str, str | None]]:
        return [
            _described(row.identifier, row.text) for row in await trusted_documents.all_of_them()
        ]

    found = run(listed)
    if as_json:
        click.echo(json.dumps({"documents": found}))
        return
    for document in found:
        click.echo(f"{document['identifier']}  {document['operations']}")
        if document["problem"]:
            click.echo(f"  does not fit any more: {document['problem']}")
    click.echo(f"{len(found)} identifiers.")


def _described(identifier: str, text: str) -> dict[str, str | None]:
    return {
        "identifier": identifier,
        "operations": ", ".join(operations_of(text)),
        "problem": problem_of(text),
    }


def _json_in(manifest: Path) -> object:
    try:
        value: object = orjson.loads(manifest.read_bytes())
    except orjson.JSONDecodeError as error:
        raise BadInput(f"This is not JSON: {error}", field=str(manifest)) from error
    return value

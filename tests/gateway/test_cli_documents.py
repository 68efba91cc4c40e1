"""`gatepost documents import` and `list`: what the operator trusts, and what is refused whole."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from identity.subject import DEPLOYMENT
from models import ActorType, AuditEvent, TrustedDocument, ViaType
from tests.gateway.commands import Gatepost, Said

WHO = "query WhoAmI { viewer { name } }"
WHERE = "query Where {\n  workspaces {\n    name # ü\n  }\n}"
MAKE = 'mutation Make { createRole(input: {name: "X"}) { role { id } } }'


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def manifest(tmp_path: Path) -> "Manifest":
    return Manifest(tmp_path / "manifest.json")


class Manifest:
    """A file that a client's build wrote."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def imported(self, gatepost: Gatepost, content: Any) -> Said:
        self.path.write_text(content if isinstance(content, str) else json.dumps(content))
        return gatepost.run("documents", "import", str(self.path))


def apollo(*operations: dict[str, str]) -> dict[str, Any]:
    return {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": list(operations),
    }


def stored(gatepost: Gatepost) -> dict[str, str]:
    async def read() -> Sequence[TrustedDocument]:
        return await TrustedDocument.all().order_by("identifier")

    return {row.identifier: row.text for row in gatepost.look(read)}


def events(gatepost: Gatepost) -> Sequence[AuditEvent]:
    async def read() -> Sequence[AuditEvent]:
        return await AuditEvent.filter(action="trusted_documents.import").order_by("id")

    return gatepost.look(read)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ({sha256(WHO): WHO, sha256(WHERE): WHERE}, {}),
        ({f"sha256:{sha256(WHO)}": WHO, sha256(WHERE).upper(): WHERE}, {}),
        ({md5(WHO): WHO, md5(WHERE): WHERE}, {md5(WHO): WHO, md5(WHERE): WHERE}),
        (
            apollo(
                {"id": sha256(WHO), "name": "WhoAmI", "type": "query", "body": WHO},
                {"id": "where-v1", "name": "Where", "type": "query", "body": WHERE},
            ),
            {"where-v1": WHERE},
        ),
    ],
    ids=["graphql-codegen", "prefixed", "relay", "apollo"],
)
def test_a_manifest_of_each_tool_is_stored_and_recorded(
    gatepost: Gatepost, manifest: Manifest, content: Any, names: dict[str, str]
) -> None:
    expected = {f"sha256:{sha256(WHO)}": WHO, f"sha256:{sha256(WHERE)}": WHERE, **names}

    said = manifest.imported(gatepost, content)

    assert (said.exit_code, said.stderr) == (0, "")
    assert stored(gatepost) == expected
    (event,) = events(gatepost)
    assert (event.organization_id, event.actor_type, event.via) == (
        DEPLOYMENT,
        ActorType.SYSTEM,
        ViaType.CLI,
    )
    assert event.operation == "gatepost documents import"
    assert event.diff == [{"path": "identifiers", "added": sorted(expected), "removed": []}]


def test_importing_again_adds_only_what_is_new(gatepost: Gatepost, manifest: Manifest) -> None:
    manifest.imported(gatepost, {sha256(WHO): WHO})
    manifest.imported(gatepost, {sha256(WHO): WHO})
    assert len(events(gatepost)) == 1

    said = manifest.imported(gatepost, {sha256(WHO): WHO, sha256(MAKE): MAKE})

    assert said.stdout == (
        f"The documents of {manifest.path} are trusted.\n"
        "  documents        2\n"
        "  new_identifiers  1\n"
    )
    assert [event.diff[0]["added"] for event in events(gatepost)] == [
        [f"sha256:{sha256(WHO)}"],
        [f"sha256:{sha256(MAKE)}"],
    ]


WRONG: list[tuple[Any, str]] = [
    ("{", "This is not JSON"),
    ([], "neither an object of documents"),
    ({}, "There is no document in it."),
    (apollo(), "There is no document in it."),
    ({"a": 1}, "neither an object of documents"),
    ({"format": "other", "operations": []}, "neither an object of documents"),
    ({**apollo(), "version": 2}, "neither an object of documents"),
    (apollo({"id": "x"}), "neither an object of documents"),
    ({sha256(WHERE): WHO}, "This is not the SHA-256 of its document"),
    ({f"sha256:{sha256(WHERE)}": WHO}, "This is not the SHA-256 of its document"),
    ({f"sha256:{sha256(WHO)[:-1]}": WHO}, "An identifier is"),
    ({"x-other:a": WHO}, "An identifier is"),
    ({"a b": WHO}, "An identifier is"),
    ({"": WHO}, "An identifier is"),
    ({"a" * 65: WHO}, "An identifier is"),
    (apollo({"id": "a", "body": WHO}, {"id": "a", "body": WHERE}), "stands for two documents"),
    ({"a": "query {"}, "1 of 2 do not fit"),
    ({"a": "{ nothing }"}, "Cannot query field 'nothing' on type 'Query'."),
    ({"a": "fragment A on Viewer { name }"}, "do not fit"),
    ({"a": "{ " + "a: __typename " * 600 + "}"}, "do not fit"),
]


@pytest.mark.parametrize(("content", "says"), WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_what_is_wrong_anywhere_is_refused_whole(
    gatepost: Gatepost, manifest: Manifest, content: Any, says: str
) -> None:
    if isinstance(content, dict) and "a" in content and isinstance(content["a"], str):
        content = {**content, sha256(WHERE): WHERE}

    said = manifest.imported(gatepost, content)

    assert (said.exit_code, said.stdout) == (1, "")
    assert says in said.stderr
    assert stored(gatepost) == {}
    assert events(gatepost) == []


def test_an_identifier_keeps_its_document(gatepost: Gatepost, manifest: Manifest) -> None:
    manifest.imported(gatepost, {"home": WHO})
    before = stored(gatepost)

    said = manifest.imported(gatepost, {"home": WHERE, "new": MAKE})

    assert said == Said(1, "", "Error: home stands for another document already.\n")
    assert stored(gatepost) == before
    assert len(events(gatepost)) == 1


def test_the_list_shows_operations_and_what_fits_no_more(
    gatepost: Gatepost, manifest: Manifest
) -> None:
    manifest.imported(gatepost, {sha256(f"{WHO} {MAKE}"): f"{WHO} {MAKE}"})

    async def left_behind() -> None:
        await TrustedDocument.create(identifier="old", text="query Old { gone }")

    gatepost.look(left_behind)

    said = gatepost.run("documents", "list")

    assert said.stdout == (
        f"sha256:{sha256(f'{WHO} {MAKE}')}  query WhoAmI, mutation Make\n"
        "old  query Old\n"
        "  does not fit any more: Cannot query field 'gone' on type 'Query'.\n"
        "2 identifiers.\n"
    )
    listed = json.loads(gatepost.run("documents", "list", "--json").stdout)["documents"]
    assert [document["identifier"] for document in listed][1] == "old"
    assert [document["problem"] is None for document in listed] == [True, False]

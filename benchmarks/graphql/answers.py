"""Answers compared: the same data exactly, and the same errors by path and code."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import orjson

from benchmarks.graphql import postgraphile
from benchmarks.graphql.load import Next, WrongAnswer, always, asked_once, request_of
from benchmarks.graphql.operations import MUTATION, Operation, rename
from benchmarks.graphql.seed import Seeded
from schema.ids import global_id

CONNECTIONS = 8


class Answers:
    """What contenders answer: the facts are compared with those of the first, Gatepost, and the
    bytes are kept to be compared with each later answer of the same contender.
    """

    def __init__(self, seeded: Seeded) -> None:
        self._seeded = seeded
        self._facts: dict[str, Any] = {}
        self._bytes: dict[tuple[str, str], bytes] = {}
        self._versions = [1] * len(seeded.draft_ids)
        self._ids = [global_id("Campaign", draft_id) for draft_id in seeded.draft_ids]

    async def check(self, name: str, port: int, operation: Operation) -> None:
        """Ask the contender, and raise `WrongAnswer` unless it gives the same facts."""
        if operation.name == MUTATION:
            await self._check_rename(name, port, operation)
            return
        request = self.request(name, operation, operation.variables)
        answer, _ = await asked_once(port, request)
        facts = self._facts_of(name, operation, answer)
        errors = facts["errors"]
        if len(errors) != operation.errors or facts["data"] is None:
            raise WrongAnswer(f"{name}: {operation.name}: {len(errors)} errors: {answer[:600]!r}")
        if facts != self._facts.setdefault(operation.name, facts):
            raise WrongAnswer(
                f"{name}: {operation.name}: {difference(self._facts[operation.name], facts)}"
            )
        self._bytes[name, operation.name] = answer

    async def _check_rename(self, name: str, port: int, operation: Operation) -> None:
        """The last draft is renamed, and refused when it is looked at in an old version."""
        version = self._versions[-1]
        variables = rename(self._ids[-1], version)
        request = self.request(name, operation, variables)
        answer, _ = await asked_once(port, request)
        given = {"id": self._ids[-1], "name": variables["input"]["name"], "version": version + 1}
        if self._facts_of(name, operation, answer) != {
            "data": {"updateCampaign": {"campaign": given}},
            "errors": [],
        }:
            raise WrongAnswer(f"{name}: {operation.name}: {answer[:600]!r}")
        self._versions[-1] += 1
        again, _ = await asked_once(port, request)
        code = None if name == postgraphile.NAME else "CONFLICT"
        if facts_of(again)["errors"] != [{"path": "updateCampaign", "code": code}]:
            raise WrongAnswer(f"{name}: {operation.name} of an old version: {again[:600]!r}")

    def asking(self, name: str, operation: Operation, connections: int = CONNECTIONS) -> list[Next]:
        """How each connection asks the contender, which was checked before."""
        if operation.name == MUTATION:
            return [self._renaming(name, draft, operation) for draft in range(connections)]
        request = self.request(name, operation, operation.variables)
        return [always(request, self._bytes[name, operation.name])] * connections

    def _renaming(self, name: str, draft: int, operation: Operation) -> Next:
        """Renames of one draft, each of the version that the last one made."""

        def following(answer: bytes | None) -> bytes:
            if answer is not None:
                self._versions[draft] += 1
                if b'"version":%d' % self._versions[draft] not in answer.replace(b": ", b":"):
                    raise WrongAnswer(f"{self._versions[draft]}: {answer[:600]!r}")
            return self.request(name, operation, rename(self._ids[draft], self._versions[draft]))

        return following

    def settled(self, draft_count: int = CONNECTIONS) -> None:
        """Count the renames that were under way when the connections were closed."""
        for draft in range(draft_count):
            self._versions[draft] += 1

    def request(self, name: str, operation: Operation, variables: Mapping[str, Any]) -> bytes:
        """The operation as this contender is asked it."""
        document = operation.document
        if name == postgraphile.NAME:
            translated = postgraphile.TRANSLATED[operation.name]
            document, variables = translated.document, translated.variables(variables)
        return request_of(self._seeded.tokens[operation.caller], document, variables)

    def _facts_of(self, name: str, operation: Operation, answer: bytes) -> dict[str, Any]:
        facts = facts_of(answer)
        if name == postgraphile.NAME and not facts["errors"]:
            facts["data"] = postgraphile.TRANSLATED[operation.name].data(facts["data"])
        return facts


def is_asked(name: str, operation: Operation) -> bool:
    """Whether this contender has an answer to the operation."""
    return name != postgraphile.NAME or operation.name in postgraphile.TRANSLATED


def facts_of(answer: bytes) -> dict[str, Any]:
    """The data, and the errors by path and code, in the order of the paths.

    graphql-jit writes an index in a path as a text, so that paths are compared as texts.
    """
    body = orjson.loads(answer)
    errors = [
        {
            "path": ".".join(map(str, error.get("path") or ())),
            "code": error.get("extensions", {}).get("code"),
        }
        for error in body.get("errors") or ()
    ]
    return {"data": body.get("data"), "errors": sorted(errors, key=itemgetter("path"))}


def difference(expected: Any, given: Any, path: str = "") -> str:
    """The first place at which two JSON values differ."""
    if isinstance(expected, Mapping) and isinstance(given, Mapping):
        for key in dict.fromkeys([*expected, *given]):
            if expected.get(key) != given.get(key):
                return difference(expected.get(key), given.get(key), f"{path}.{key}")
    elif _are_lists(expected, given) and len(expected) == len(given):
        for n, (one, other) in enumerate(zip(expected, given, strict=True)):
            if one != other:
                return difference(one, other, f"{path}[{n}]")
    return f"{given!r} instead of {expected!r} at {path or 'the root'}"


def _are_lists(*values: object) -> bool:
    return all(isinstance(value, Sequence) and not isinstance(value, str) for value in values)

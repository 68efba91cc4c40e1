"""Manifests of documents, as the build tools of clients write them, and whether they fit.

Two shapes: an object of texts by identifier (graphql-codegen's client preset, Relay's persisted
queries), and Apollo's manifest, an object with `format` and a list of operations.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from graphql import OperationDefinitionNode, parse

from identity.refusals import BadInput
from identity.trusted_documents import IDENTIFIER, SHA256, digest_of
from schema.execution import document_errors

APOLLO = "apollo-persisted-query-manifest"
DIGEST_LENGTH = hashlib.sha256().digest_size * 2
MOST_REPORTED = 20


def documents_in(manifest: Any) -> dict[str, str]:
    """The texts of a manifest: each by its SHA-256 and, where it is called otherwise, by that too.

    Raises `BadInput` for another shape, for an identifier that cannot be one, and for a SHA-256
    that is not that of its text.
    """
    documents: dict[str, str] = {}
    for given, text in _entries(manifest):
        by_digest = SHA256 + digest_of(text)
        documents[by_digest] = text
        name = _identifier(given)
        if name.startswith(SHA256) and name != by_digest:
            raise BadInput(
                f"This is not the SHA-256 of its document, which is {by_digest}. "
                "Nothing was imported.",
                field=given,
            )
        if documents.setdefault(name, text) != text:
            raise BadInput("This stands for two documents. Nothing was imported.", field=given)
    if not documents:
        raise BadInput("There is no document in it.", field="manifest")
    return documents


def require_fitting(documents: Mapping[str, str]) -> None:
    """Raise `BadInput` that names each document that the schema, or a limit, does not let run."""
    texts = {text: name for name, text in documents.items() if name.startswith(SHA256)}
    wrong = {name: problem for text, name in texts.items() if (problem := problem_of(text))}
    if not wrong:
        return
    lines = [f"{name}: {problem}" for name, problem in wrong.items()][:MOST_REPORTED]
    if len(wrong) > MOST_REPORTED:
        lines.append(f"… and {len(wrong) - MOST_REPORTED} more")
    raise BadInput(
        "\n  ".join([f"{len(wrong)} of {len(texts)} do not fit. Nothing was imported.", *lines]),
        field="documents",
    )


def problem_of(text: str) -> str | None:
    """What speaks against running a document, in one sentence; `None` when nothing does."""
    errors = document_errors(text)
    if errors:
        return errors[0].message
    return None if operations_of(text) else "There is no operation in it."


def operations_of(text: str) -> list[str]:
    """The kind and the name of each operation of a document that can be parsed."""
    return [
        " ".join([d.operation.value, *([d.name.value] if d.name else [])])
        for d in parse(text).definitions
        if isinstance(d, OperationDefinitionNode)
    ]


def _entries(manifest: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(manifest, dict):
        raise _unknown_shape()
    if "format" not in manifest:
        pairs: list[tuple[Any, Any]] = list(manifest.items())
    elif manifest["format"] == APOLLO and manifest.get("version") == 1:
        operations = manifest.get("operations")
        if not isinstance(operations, list) or not all(isinstance(o, dict) for o in operations):
            raise _unknown_shape()
        pairs = [(operation.get("id"), operation.get("body")) for operation in operations]
    else:
        raise _unknown_shape()
    for identifier, text in pairs:
        if not isinstance(identifier, str) or not isinstance(text, str):
            raise _unknown_shape()
        yield identifier, text


def _identifier(given: str) -> str:
    """The form in which clients ask for it."""
    is_digest = len(given) == DIGEST_LENGTH and not set(given.lower()) - set("0123456789abcdef")
    name = SHA256 + given.lower() if is_digest else given
    if not IDENTIFIER.fullmatch(name):
        raise BadInput(
            "An identifier is `sha256:` with 64 hex digits, or has at most 64 letters, digits and "
            "-._~ without a colon. Nothing was imported.",
            field=given[:100],
        )
    return name


def _unknown_shape() -> BadInput:
    return BadInput(
        f"This is neither an object of documents by identifier nor a manifest of format {APOLLO}, "
        "version 1.",
        field="manifest",
    )

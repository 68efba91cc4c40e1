"""Which document a request means: the one that it brings, a trusted one, or one sent before."""

from collections import OrderedDict
from typing import Any
from uuid import UUID

from gateway.graphql.parsing import Asked
from identity.refusals import BadInput, Forbidden, Refusal
from identity.subject import Subject
from identity.trusted_documents import SHA256, digest_of, text_of
from models.document_mode import DocumentMode

FIELD = "extensions.persistedQuery"

MOST_ORGANIZATIONS = 200
MOST_DOCUMENTS = 100
MOST_CHARACTERS = 100_000
"""The bounds of what is remembered: of each organization, as many documents and characters."""


class DocumentNotFound(Refusal):
    """An answer of its own, with no data, to a request that is well formed."""

    code = "NOT_FOUND"
    status = 404

    def __init__(self) -> None:
        super().__init__("There is no trusted document with this identifier.")


class PersistedQueryNotFound(DocumentNotFound):
    """Apollo's clients send the document along when they read this message."""

    code = "PERSISTED_QUERY_NOT_FOUND"

    def __init__(self) -> None:
        Refusal.__init__(self, "PersistedQueryNotFound")


class PersistedQueryNotSupported(DocumentNotFound):
    """Apollo's clients go on without hashes when they read this message."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"

    def __init__(self) -> None:
        Refusal.__init__(self, "PersistedQueryNotSupported")


class SentBefore:
    """Documents that clients sent together with their hash, of each organization by itself: what
    one of them uses can neither be run nor pushed out, nor be found out, by another.
    """

    def __init__(self) -> None:
        self._organizations: OrderedDict[UUID, OrderedDict[str, str]] = OrderedDict()

    def get(self, organization_id: UUID, digest: str) -> str | None:
        documents = self._organizations.get(organization_id)
        if documents is None or digest not in documents:
            return None
        self._organizations.move_to_end(organization_id)
        documents.move_to_end(digest)
        return documents[digest]

    def keep(self, organization_id: UUID, digest: str, text: str) -> None:
        """Remember a text, in the place of those that were asked for longest ago."""
        if len(text) > MOST_CHARACTERS:
            return
        documents = self._organizations.setdefault(organization_id, OrderedDict())
        self._organizations.move_to_end(organization_id)
        if len(self._organizations) > MOST_ORGANIZATIONS:
            self._organizations.popitem(last=False)
        documents[digest] = text
        documents.move_to_end(digest)
        while (
            len(documents) > MOST_DOCUMENTS or sum(map(len, documents.values())) > MOST_CHARACTERS
        ):
            documents.popitem(last=False)


async def document_of(
    asked: Asked, subject: Subject, *, mode: DocumentMode, sent_before: SentBefore | None
) -> str:
    """The text to run. `mode` is what holds for this subject; without `sent_before` there are no
    automatic persisted queries.

    Raises `DocumentNotFound` and its kinds, `BadInput` for a request that names no document or two,
    and `Forbidden` for one that brings its own where only trusted ones run.
    """
    if asked.document_id is not None:
        return await _trusted(asked, asked.document_id, mode)
    if "persistedQuery" in asked.extensions:
        return await _persisted(asked, subject, mode, sent_before)
    if asked.query is None:
        raise BadInput("`query` must be a string.", field="query")
    _require_text_allowed(mode)
    return asked.query


async def _trusted(asked: Asked, identifier: str, mode: DocumentMode) -> str:
    if asked.query is not None:
        raise BadInput("Send `query` or `documentId`, not both.", field="documentId")
    if mode is DocumentMode.OFF:
        raise BadInput("Send `query`: no document is known by an identifier.", field="documentId")
    text = await text_of(identifier)
    if text is None:
        raise DocumentNotFound
    return text


async def _persisted(
    asked: Asked, subject: Subject, mode: DocumentMode, sent_before: SentBefore | None
) -> str:
    """The document of a request in Apollo's protocol; a trusted one is found by its hash too.

    A client that asks by hash first, and finds nothing, sends hash and document: the document then
    runs, and is remembered where the operator wants that.
    """
    digest = _digest_in(asked.extensions["persistedQuery"])
    if mode is DocumentMode.OFF and sent_before is None:
        raise PersistedQueryNotSupported
    if asked.query is None:
        text = None if mode is DocumentMode.OFF else await text_of(SHA256 + digest)
        if text is None and mode is not DocumentMode.REQUIRED and sent_before is not None:
            text = sent_before.get(subject.organization_id, digest)
        if text is None:
            raise PersistedQueryNotFound
        return text
    _require_text_allowed(mode)
    if digest_of(asked.query) != digest:
        raise BadInput("This is not the SHA-256 of `query`.", field=FIELD)
    if sent_before is not None:
        sent_before.keep(subject.organization_id, digest, asked.query)
    return asked.query


def _digest_in(value: Any) -> str:
    """The hash of Apollo's protocol, version 1. Raises `BadInput`."""
    if not isinstance(value, dict) or value.get("version") != 1:
        raise BadInput("Send `version` 1 and `sha256Hash`.", field=FIELD)
    digest = value.get("sha256Hash")
    if not isinstance(digest, str):
        raise BadInput("`sha256Hash` must be a string.", field=FIELD)
    return digest


def _require_text_allowed(mode: DocumentMode) -> None:
    if mode is DocumentMode.REQUIRED:
        raise Forbidden(
            "Only trusted documents run here. Send `documentId` instead of `query`.",
            reason="DOCUMENT_NOT_TRUSTED",
            missing=[],
        )

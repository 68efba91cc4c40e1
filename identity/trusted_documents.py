"""Trusted documents: what the operator imported, for every organization of the deployment.

An identifier is `sha256:` and 64 lower-case hex digits, computed from the text in UTF-8
(GraphQL over HTTP draft, appendix on persisted documents), or a custom one without a colon.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import AuditTarget, record
from identity.refusals import Conflict
from identity.subject import Origin, deployment_operator
from models.clock import now
from models.database import transaction
from models.ids import new_id
from models.sql import Statement
from models.trusted_document import TrustedDocument

SHA256 = "sha256:"
IDENTIFIER = re.compile(r"sha256:[0-9a-f]{64}|[A-Za-z0-9._~-]{1,64}")

CACHED = 500
TRUSTED_FOR = timedelta(minutes=1)
"""How long a replica goes on without looking: a row that was deleted is gone everywhere then."""

_ADD = Statement("""
    INSERT INTO trusted_documents (id, created_at, identifier, text) VALUES ($1, $2, $3, $4)
    ON CONFLICT (identifier) DO NOTHING RETURNING id
""")
_TEXT = Statement("SELECT text FROM trusted_documents WHERE identifier = $1")

_cache: OrderedDict[str, tuple[datetime, str]] = OrderedDict()


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def add(documents: Mapping[str, str], *, origin: Origin) -> int:
    """Store texts by their identifiers, all or none, and record it; how many were new.

    The caller has validated them. Raises `Conflict` when an identifier stands for another text
    already: what a client asks for by it must not change under it.
    """
    added = []
    async with transaction():
        for identifier, text in sorted(documents.items()):  # the same order for all: no deadlock
            if await _ADD.returned(new_id(), now(), identifier, text) is not None:
                added.append(identifier)
            elif await _stored(identifier) != text:
                raise Conflict(f"{identifier} stands for another document already.")
        if added:
            await record(
                Action.TRUSTED_DOCUMENTS_IMPORT,
                subject=deployment_operator(origin),
                target=AuditTarget("trusted_document", None, f"{len(added)} identifiers"),
                diff=changes({}, {"identifiers": frozenset(added)}),
            )
    return len(added)


async def text_of(identifier: str) -> str | None:
    """The text of a trusted document; `None` for an identifier that stands for none."""
    moment = now()
    cached = _cache.get(identifier)
    if cached is not None and moment - cached[0] < TRUSTED_FOR:
        _cache.move_to_end(identifier)
        return cached[1]
    text = await _stored(identifier) if IDENTIFIER.fullmatch(identifier) else None
    if text is None:
        _cache.pop(identifier, None)
        return None
    _cache[identifier] = (moment, text)
    _cache.move_to_end(identifier)
    if len(_cache) > CACHED:
        _cache.popitem(last=False)
    return text


def forget() -> None:
    """Forget the texts that were looked up, as for another database."""
    _cache.clear()


async def all_of_them() -> Sequence[TrustedDocument]:
    """Every identifier with its text, in the order of import."""
    return await TrustedDocument.all().order_by("id")


async def _stored(identifier: str) -> str | None:
    row = await _TEXT.row(identifier)
    return None if row is None else str(row["text"])

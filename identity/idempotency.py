"""Carrying a change out once, however often it is sent: `Idempotency-Key` (the draft
draft-ietf-httpapi-idempotency-key-header of the IETF), honoured for 24 hours by every replica.

    claim = await begin(subject, key, request)    # or the answer of before
    ...
    await claim.keep(answer)    # or claim.release(), when nothing was changed

A key belongs to one subject: that of somebody else is another key. Who began is decided by the
database, in one statement; the others are refused until there is an answer. What was cut off, by a
crash say, stays claimed, because nobody knows how far it came: it is rather not done than done
twice.

**An answer is given again only to who may do exactly what they could do when it was given.** The
subject was authenticated anew, so that a suspended member gets nothing at all. If its access has
changed since, up or down, the answer is withheld: it may show what is hidden now, and to work out
which part of it would be a second permission engine. The request is not carried out again either.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from identity.access.compiled import Access
from identity.refusals import Conflict, Refusal
from identity.subject import Subject
from identity.writing import one_transaction
from models.audit_event import ActorType
from models.clock import now
from models.ids import new_id
from models.secret import keyring, token_hash
from models.sql import Statement, is_postgres

HONOURED_FOR = timedelta(hours=24)
LARGEST_KEPT = 256_000
"""Characters of an answer; of a longer one is known only that it was given."""
REMOVED_AT_ONCE = 50

_CLAIM = Statement("""
    INSERT INTO idempotent_requests
        (id, created_at, organization_id, actor_type, actor_id, key_hash, request_encrypted)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (organization_id, actor_type, actor_id, key_hash) DO UPDATE
    SET id = excluded.id, created_at = excluded.created_at, answer_encrypted = NULL,
        request_encrypted = excluded.request_encrypted
    WHERE idempotent_requests.created_at <= $8
    RETURNING id
""")
"""One that is too old is taken over as if it were not there."""

_BEFORE = Statement("""
    SELECT request_encrypted, answer_encrypted FROM idempotent_requests
    WHERE organization_id = $1 AND actor_type = $2 AND actor_id = $3 AND key_hash = $4
""")
_KEEP = Statement("UPDATE idempotent_requests SET answer_encrypted = $2 WHERE id = $1")
_RELEASE = Statement("DELETE FROM idempotent_requests WHERE id = $1")

_REMOVE = """
    DELETE FROM idempotent_requests WHERE id IN
        (SELECT id FROM idempotent_requests WHERE created_at <= $1 ORDER BY created_at LIMIT $2)
"""
_REMOVE_OLD = Statement(_REMOVE)
_REMOVE_UNLOCKED = Statement(_REMOVE.replace("LIMIT $2", "LIMIT $2 FOR UPDATE SKIP LOCKED"))
"""For PostgreSQL, where another replica may be removing the same rows."""


class KeyReused(Refusal):
    code = "BAD_INPUT"
    status = 422

    def __init__(self) -> None:
        super().__init__(
            "This key came with another request before. Send this one with a key of its own.",
            field="Idempotency-Key",
        )


class StillRunning(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "A request with this key is under way, or was cut off. Send it again in a moment; if "
            "this goes on, look at what it changed before you send it with another key.",
            reason="UNDER_WAY",
        )


class AnswerWithheld(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "This was carried out before, and is not carried out again. Its answer is not shown: "
            "it is too long to be kept, shows a secret, or your access has changed since.",
            reason="CARRIED_OUT_BEFORE",
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """That this request, and no other with its key, is carried out."""

    id: UUID
    subject: Subject

    async def keep(self, answer: str | None) -> None:
        """Store the answer, to be given again; without one, that it was given."""
        kept = {
            "access": _fingerprint(self.subject.access),
            "answer": answer if answer and len(answer) <= LARGEST_KEPT else None,
        }
        async with one_transaction():
            await _KEEP.execute(self.id, keyring.encrypt(json.dumps(kept)))

    async def release(self) -> None:
        """Forget the request: it changed nothing, and may be sent again."""
        async with one_transaction():
            await _RELEASE.execute(self.id)


async def begin(subject: Subject, key: str, request: str) -> Claim | str:
    """The claim to carry a request out, or the answer that was given to it before.

    `request` is a digest of everything that the request says. Raises `KeyReused` when it was
    another one, `StillRunning` while there is no answer, and `AnswerWithheld`.
    """
    moment = now()
    claim = Claim(new_id(), subject)
    whose = (subject.organization_id, *_caller(subject), token_hash(key))
    async with one_transaction():
        claimed = await _CLAIM.returned(
            claim.id, moment, *whose, keyring.encrypt(request), moment - HONOURED_FOR
        )
        if claimed is not None:
            remove = _REMOVE_UNLOCKED if is_postgres() else _REMOVE_OLD
            await remove.execute(moment - HONOURED_FOR, REMOVED_AT_ONCE)
            return claim
        before = await _BEFORE.row(*whose)
    if before is None:  # it was released just now
        raise StillRunning
    if keyring.decrypt(before["request_encrypted"]) != request:
        raise KeyReused
    if before["answer_encrypted"] is None:
        raise StillRunning
    kept = json.loads(keyring.decrypt(before["answer_encrypted"]))
    if kept["answer"] is None or kept["access"] != _fingerprint(subject.access):
        raise AnswerWithheld
    return str(kept["answer"])


def _caller(subject: Subject) -> tuple[str, UUID | None]:
    """Whose key it is. A personal API key is another caller than its owner."""
    if subject.by_key:
        return ActorType.API_KEY.value, subject.via_id
    return subject.actor_type.value, subject.actor_id


def _fingerprint(access: Access) -> str:
    """A digest of everything that an access allows; the roles that it comes from do not matter."""
    facts = [
        access.organization_mask,
        access.fixed_mask,
        access.plan_cut,
        sorted((str(id_), mask) for id_, mask in access.workspace_masks.items()),
        sorted((str(id_), mask) for id_, mask in access.resource_masks.items()),
        sorted(map(str, access.archived_workspaces)),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

"""The keys that checkpoints and exports are signed with: made when first needed, and rotated.

A private key is stored encrypted with the secret keys. What somebody writes into the table without
having those opens with none of them, and is no key of ours: it neither signs nor is believed.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tortoise.exceptions import IntegrityError

from identity.audit.actions import Action
from identity.audit.canonical import Document, canonical_bytes
from identity.audit.chain import PublicKeys, key_id
from identity.audit.diff import changes
from identity.audit.record import AuditTarget, record
from identity.refusals import Conflict, Forbidden
from identity.subject import Subject
from models.audit_event import ActorType
from models.audit_seal import AuditKey
from models.database import transaction
from models.secret import SecretKeyError, keyring


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs now."""

    id: str
    private: Ed25519PrivateKey

    def sign(self, statement: Document) -> bytes:
        """The signature of a statement that names this key."""
        return self.private.sign(canonical_bytes(statement))


async def signing_key() -> SigningKey:
    """The newest key; the first one is made when there is none. Not inside a transaction: another
    process may make it at the same moment. Raises `SecretKeyError`.
    """
    pairs = await _pairs()
    if not pairs:
        with suppress(IntegrityError):
            await _make(1)
        pairs = await _pairs()
    row, private = pairs[0]
    return SigningKey(row.key_id, private)


async def rotate(subject: Subject) -> str:
    """Sign with a new key from now on; its id. What older keys signed is checked with those.

    Raises `Forbidden` for anybody but the operator, and `Conflict` when another key was made at the
    same moment.
    """
    if subject.actor_type is not ActorType.SYSTEM:
        raise Forbidden("Only the operator makes audit keys.", reason="OPERATOR_ONLY")
    last = await AuditKey.all().order_by("-number").first()
    try:
        async with transaction():
            row = await _make(last.number + 1 if last else 1)
            await record(
                Action.AUDIT_KEY_ROTATE,
                subject=subject,
                target=AuditTarget("audit_key", row.id, row.key_id),
                diff=changes({"key": last.key_id if last else None}, {"key": row.key_id}),
            )
    except IntegrityError as error:
        raise Conflict("Another key was made at the same moment.") from error
    return row.key_id


async def public_keys() -> Sequence[Ed25519PublicKey]:
    """Every key of ours there ever was, newest first. Raises `SecretKeyError`."""
    return [private.public_key() for _, private in await _pairs()]


async def trusted_keys() -> PublicKeys:
    """The same, to check signatures with."""
    return PublicKeys.of(await public_keys())


async def _pairs() -> list[tuple[AuditKey, Ed25519PrivateKey]]:
    """The keys that are ours, newest first.

    Raises `SecretKeyError` when there are keys, and none of them opens.
    """
    rows = await AuditKey.all().order_by("-number")
    pairs = [(row, private) for row in rows if (private := _opened(row)) is not None]
    if rows and not pairs:
        raise SecretKeyError(
            "The keys of the audit log open with none of the keys in GATEPOST_SECRET_KEYS. "
            "Put the key they were written with back at the end of the list."
        )
    return pairs


def _opened(row: AuditKey) -> Ed25519PrivateKey | None:
    """The private key, unless it does not open or is not the other half of the public one."""
    if not keyring.opens(row.private_key_encrypted):
        return None
    raw = bytes.fromhex(keyring.decrypt(row.private_key_encrypted))
    private = Ed25519PrivateKey.from_private_bytes(raw)
    return private if (row.key_id, row.public_key) == _called(private.public_key()) else None


def _called(public: Ed25519PublicKey) -> tuple[str, str]:
    """The id of a key, and the key in hex digits."""
    return key_id(public), public.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


async def _make(number: int) -> AuditKey:
    private = Ed25519PrivateKey.generate()
    called, public = _called(private.public_key())
    return await AuditKey.create(
        number=number,
        key_id=called,
        public_key=public,
        private_key_encrypted=keyring.encrypt(private.private_bytes_raw().hex()),
    )

"""The arithmetic of seals: digests of events, the chain over them, and signed checkpoints.

It needs no database: whoever has an export and the public key can do it again.

* digest = SHA-256 of the canonical text of the event's document, in which `diff` is replaced by
  its commitment: SHA-256 of the seal's salt and the canonical text of the diff. So an event can be
  shown without its diff, which nobody can guess from the commitment, and still be checked.
* hash = SHA-256 of the hash before, the number of the seal (8 bytes, big endian) and the digest.
  The hash before the first is that of the organization's id.
* A checkpoint is a statement about the chain, signed by Ed25519 (RFC 8032) over its canonical text.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from identity.audit.canonical import Document, canonical_bytes, canonical_time

SALT_BYTES = 16
CHECKPOINT = "gatepost.audit.checkpoint"
VERSION = 1
LATE = timedelta(hours=1)
"""Longer than any transaction lives: an event that is older than this when one before it was signed
has been put in afterwards.
"""
PEM_BLOCK = re.compile("-----BEGIN [^-]+-----[^-]+-----END [^-]+-----")


def beginning(organization_id: UUID) -> bytes:
    """The hash before the first seal of the organization."""
    return sha256(f"gatepost audit log {VERSION} {organization_id}".encode()).digest()


def commitment(diff: object, salt: bytes) -> str:
    """What stands for a diff in the digest, as hex digits."""
    return sha256(salt + canonical_bytes(diff)).hexdigest()


def digest(document: Document, diff_commitment: str) -> bytes:
    """The digest of an event. The `diff` that the document has, if any, does not count."""
    return sha256(canonical_bytes({**document, "diff": diff_commitment})).digest()


def came_late(event_time: datetime, signed_at: datetime | None) -> str | None:
    """What is wrong with an event that stands behind a checkpoint of that time, if it is."""
    if signed_at is None or event_time >= signed_at - LATE:
        return None
    return (
        f"the event says that it is of {canonical_time(event_time)}, and came into the log after "
        f"{canonical_time(signed_at)}"
    )


def link(previous: bytes, sequence: int, digest: bytes) -> bytes:
    """The hash of the seal with that number."""
    return sha256(previous + sequence.to_bytes(8) + digest).digest()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """At `time` the log of the organization had `sequence` events, the last of them sealed with
    `hash`; from the number `kept_from` on, all are there.
    """

    organization_id: UUID
    sequence: int
    hash: bytes
    kept_from: int
    time: datetime
    key_id: str

    def statement(self) -> Document:
        return {
            "type": CHECKPOINT,
            "version": VERSION,
            "organization": str(self.organization_id),
            "sequence": self.sequence,
            "hash": self.hash.hex(),
            "kept_from": self.kept_from,
            "time": canonical_time(self.time),
            "key": self.key_id,
        }

    @classmethod
    def of(cls, statement: Mapping[str, object]) -> "Checkpoint":
        """The inverse of `statement`; what else there is besides is left out. Raises `ValueError`,
        `TypeError` or `KeyError` for anything else.
        """
        sequence, kept_from = statement["sequence"], statement["kept_from"]
        if not isinstance(sequence, int) or not isinstance(kept_from, int):
            raise TypeError("the numbers of a checkpoint are whole numbers")
        return cls(
            UUID(str(statement["organization"])),
            sequence,
            bytes.fromhex(str(statement["hash"])),
            kept_from,
            datetime.fromisoformat(str(statement["time"])),
            str(statement["key"]),
        )


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The keys that signatures are checked with, by their ids."""

    by_id: Mapping[str, Ed25519PublicKey]

    @classmethod
    def of(cls, keys: Iterable[Ed25519PublicKey]) -> "PublicKeys":
        return cls({key_id(key): key for key in keys})

    @classmethod
    def of_pem(cls, text: str) -> "PublicKeys":
        """The keys in a text, each in a PEM block (RFC 7468); what stands around them is for
        people. Raises `ValueError` when there is none, or one of another kind.
        """
        keys = [load_pem_public_key(block.encode()) for block in PEM_BLOCK.findall(text)]
        ours = [key for key in keys if isinstance(key, Ed25519PublicKey)]
        if not ours or len(ours) < len(keys):
            raise ValueError("there is no Ed25519 public key, or another key beside it")
        return cls.of(ours)

    def signed(self, statement: Document, signature: bytes) -> bool:
        """Whether the key that the statement names is one of these, and signed it."""
        key = self.by_id.get(str(statement["key"]))
        if key is None:
            return False
        try:
            key.verify(signature, canonical_bytes(statement))
        except InvalidSignature:
            return False
        return True


def pem(key: Ed25519PublicKey) -> str:
    """The key for people and programs, its id in the line before."""
    block = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"Key {key_id(key)}\n{block.decode()}"


def key_id(key: Ed25519PublicKey) -> str:
    """How a key is called: the first 16 hex digits of the SHA-256 of its 32 bytes."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]

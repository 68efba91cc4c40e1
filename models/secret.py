"""Stored secrets: encrypted at rest with MultiFernet, readable only where they are used.

The first key encrypts; every key decrypts. Rotation is: put a new key in front, run
`gatepost secrets rotate`, drop the old key.
"""

import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SecretKeyError(Exception):
    """The secret keys are missing, malformed, or none of them opens a stored value."""


class Keyring:
    """The keys in use. Empty until `use` is called at start-up."""

    def __init__(self) -> None:
        self._fernet: MultiFernet | None = None
        self._fingerprint_key = b""

    def use(self, keys: Sequence[str]) -> None:
        """Take these Fernet keys (32 bytes, URL-safe base64), newest first.

        Raises `SecretKeyError` when there is none, or one is malformed; the text never shows a key.
        """
        if not keys:
            raise SecretKeyError("No secret key is given. Make one with: gatepost secrets new-key")
        fernets = []
        for position, key in enumerate(keys, start=1):
            try:
                fernets.append(Fernet(key))
            except ValueError as error:
                raise SecretKeyError(
                    f"Secret key number {position} is not a Fernet key (32 bytes in URL-safe "
                    "base64). Make one with: gatepost secrets new-key"
                ) from error
        self._fernet = MultiFernet(fernets)
        self._fingerprint_key = hashlib.sha256(b"fingerprint:" + keys[0].encode()).digest()

    def encrypt(self, clear: str) -> str:
        return self._opened().encrypt(clear.encode()).decode()

    def decrypt(self, stored: str) -> str:
        try:
            return self._opened().decrypt(stored.encode()).decode()
        except InvalidToken as error:
            raise SecretKeyError(
                "A stored secret opens with none of the keys in GATEPOST_SECRET_KEYS. "
                "Put the key it was written with back at the end of the list."
            ) from error

    def opens(self, stored: str) -> bool:
        """Whether one of the keys opens it."""
        try:
            self._opened().decrypt(stored.encode())
        except InvalidToken:
            return False
        return True

    def rotate(self, stored: str) -> str:
        """The same secret, encrypted with the first key."""
        try:
            return self._opened().rotate(stored.encode()).decode()
        except InvalidToken as error:
            raise SecretKeyError("A stored secret opens with none of the keys given.") from error

    def fingerprint(self, secret: str) -> str:
        """Sixteen hex digits by which people can tell two secrets apart.

        Keyed (HMAC-SHA-256), so that a weak password cannot be guessed from it offline.
        """
        self._opened()
        return hmac.new(self._fingerprint_key, secret.encode(), hashlib.sha256).hexdigest()[:16]

    def _opened(self) -> MultiFernet:
        if self._fernet is None:
            raise SecretKeyError("The keyring is used before the database was opened.")
        return self._fernet


keyring = Keyring()


def token_hash(token: str) -> str:
    """How an opaque token is stored and looked up: SHA-256 in hex.

    Only for tokens of at least 128 random bits, where no slow hash is needed.
    """
    return hashlib.sha256(token.encode()).hexdigest()

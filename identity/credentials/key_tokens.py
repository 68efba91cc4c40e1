"""How an API key is written: `gp_<environment>_<id>_<secret><checksum>`, all of it base 62.

The id has 22 digits, the secret 43 random ones (256 bits), the checksum 6: CRC-32 of what stands
before it. So a mistyped key, and whatever only looks like one, is known without asking a database,
by us as by a scanner that looks for leaked secrets.
"""

import re
import secrets
import zlib
from enum import StrEnum
from uuid import UUID

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
VALUES = {digit: value for value, digit in enumerate(DIGITS)}
ID_LENGTH = 22
SECRET_LENGTH = 43
CHECKSUM_LENGTH = 6


class Environment(StrEnum):
    """Which kind of installation a key is for: a key of one is refused by the other."""

    LIVE = "live"
    TEST = "test"


PATTERN = re.compile(
    r"gp_(live|test)_([0-9A-Za-z]{22})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})", re.ASCII
)
"""The same stands in SECURITY.md."""
PREFIX = re.compile(r"gp_(?:live|test)_([0-9A-Za-z]{22})(?![0-9A-Za-z])", re.ASCII)


class _Installation:
    """What this process makes and takes. `use` is called at start-up."""

    def __init__(self) -> None:
        self.environment = Environment.LIVE

    def use(self, environment: Environment) -> None:
        self.environment = environment


installation = _Installation()


def minted(key_id: UUID) -> str:
    """A new key in clear text, for the row of that id."""
    text = f"{prefix_of(key_id)}_{_secret()}"
    return text + _checksum(text)


def prefix_of(key_id: UUID) -> str:
    """How every secret of that key begins: what may be shown and written down of it."""
    return f"gp_{installation.environment.value}_{_base62(key_id.int, ID_LENGTH)}"


def id_in(clear: str) -> UUID | None:
    """The id in a key; `None` for what is none of this environment, or has a wrong checksum."""
    found = PATTERN.fullmatch(clear)
    if found is None or found[1] != installation.environment.value:
        return None
    return _id(found[2]) if _checksum(clear[:-CHECKSUM_LENGTH]) == found[4] else None


def id_of_prefix(text: str) -> UUID | None:
    """The id in how a key begins, or in a whole key, whose secret is not looked at; `None` for
    another text.
    """
    found = PREFIX.match(text)
    return None if found is None else _id(found[1])


def _id(digits: str) -> UUID | None:
    value = 0
    for digit in digits:
        value = value * len(DIGITS) + VALUES[digit]
    return UUID(int=value) if value < 1 << 128 else None


def _secret() -> str:
    return "".join(secrets.choice(DIGITS) for _ in range(SECRET_LENGTH))


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), CHECKSUM_LENGTH)


def _base62(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, rest = divmod(value, len(DIGITS))
        digits.append(DIGITS[rest])
    return "".join(reversed(digits))

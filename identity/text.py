"""Short texts that people type: trimmed, bounded, and without control characters."""

import re
import unicodedata

from identity.refusals import BadInput

SECRET_LENGTH = 1000
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def label(value: str, *, field: str, longest: int = 200) -> str:
    """A name in one line. Raises `BadInput`: empty, too long, or with control characters."""
    text = unicodedata.normalize("NFC", value).strip()
    if not text:
        raise BadInput("This must not be empty.", field=field)
    return prose(text, field=field, longest=longest, lines=False)


def prose(value: str, *, field: str, longest: int, lines: bool = True) -> str:
    """A text that may be empty, and with `lines` may have several lines. Raises `BadInput`."""
    if len(value) > longest:
        raise BadInput(f"This may have at most {longest} characters.", field=field)
    allowed = "\n\r\t" if lines else ""
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in allowed for c in value):
        raise BadInput("This must not contain control characters.", field=field)
    return value


def optional_prose(value: str | None, *, field: str, longest: int) -> str | None:
    """A text that may be left out. Raises `BadInput`."""
    return None if value is None else prose(value, field=field, longest=longest)


def given(value: str, *, field: str, longest: int) -> str:
    """A value that is kept exactly as it was sent. Raises `BadInput` when it is blank, too long or
    has control characters.
    """
    if not value.strip():
        raise BadInput("This must not be empty.", field=field)
    if len(key(value)) > longest:  # some characters unfold into several
        raise BadInput(f"This may have at most {longest} characters.", field=field)
    return prose(value, field=field, longest=longest, lines=False)


def secret(value: str, *, field: str) -> str:
    """A password that is kept exactly as it was sent, blanks included. Raises `BadInput` when it is
    empty, too long or has control characters.
    """
    if not value:
        raise BadInput("This must not be empty.", field=field)
    return prose(value, field=field, longest=SECRET_LENGTH, lines=False)


def slug(value: str, *, field: str) -> str:
    """Lower-case letters, digits and hyphens, as in a host name. Raises `BadInput`."""
    if not SLUG.fullmatch(value):
        raise BadInput(
            "Use 1 to 63 lower-case letters, digits and hyphens, e.g. acme-mail.", field=field
        )
    return value


def email(value: str, *, field: str) -> str:
    """An address, as typed. Raises `BadInput` for what cannot be one."""
    text = value.strip()
    local, at, domain = text.rpartition("@")
    if not (local and at and domain) or " " in text or len(text) > 320:
        raise BadInput("This is not an email address.", field=field)
    return prose(text, field=field, longest=320, lines=False)


def key(value: str) -> str:
    """The form in which names, user names and addresses are compared."""
    return unicodedata.normalize("NFKC", value).casefold()

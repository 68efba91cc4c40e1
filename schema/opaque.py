"""The texts that the API gives out and takes back unread: ids and cursors."""

import base64
import binascii


def encoded(raw: bytes) -> str:
    """URL-safe base64 without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """What was encoded. Raises `ValueError` for a text that `encoded` cannot have made."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error

"""Whether clients may, or must, ask for documents that the operator has imported.

It knows no table, so that the settings can be read without any.
"""

from enum import StrEnum


class DocumentMode(StrEnum):
    """In the order of how much each forbids."""

    ALLOWED = "allowed"
    """A request brings its document, or names a trusted one."""
    OFF = "off"
    """Every request brings its document."""
    REQUIRED = "required"
    """Nothing but trusted documents runs."""


def stricter(one: DocumentMode, other: DocumentMode | None) -> DocumentMode:
    """The one of two modes that forbids more; without another, the one."""
    order = list(DocumentMode)
    return one if other is None else max(one, other, key=order.index)

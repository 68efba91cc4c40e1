"""Whether clients may, or must, ask for documents that the operator has imported.

It knows no table, so that the settings can be read without any.
"""

from enum import StrEnum


class DocumentMode(StrEnum):
    OFF = "off"
    """Every request brings its document."""
    ALLOWED = "allowed"
    """A request brings its document, or names a trusted one."""
    REQUIRED = "required"
    """Nothing but trusted documents runs."""

"""Refusals of the use cases in SCIM's words (RFC 7644 section 3.12)."""

from collections.abc import Iterator
from contextlib import contextmanager

from scim2_models import Error, SCIMException

from identity.refusals import BadInput, Conflict, Refusal, VersionConflict


def scim_exception(refusal: Refusal) -> SCIMException:
    """The exception that SCIM's core answers with the refusal's status and text."""
    if isinstance(refusal, VersionConflict):
        return _exception(412, None, refusal.message)
    if isinstance(refusal, Conflict):
        # The one conflict that a directory can run into is a name that is taken.
        return _exception(409, "uniqueness", refusal.message)
    if isinstance(refusal, BadInput):
        return _exception(400, "invalidValue", f"{refusal.field}: {refusal.message}")
    return _exception(refusal.status, None, refusal.message)


def _exception(status: int, scim_type: str | None, detail: str) -> SCIMException:
    return SCIMException.from_error(Error(status=status, scim_type=scim_type, detail=detail))


@contextmanager
def in_scim_words() -> Iterator[None]:
    """Raise the refusals met in the block as SCIM exceptions."""
    try:
        yield
    except Refusal as refusal:
        raise scim_exception(refusal) from refusal

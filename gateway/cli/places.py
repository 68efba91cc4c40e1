"""Places that options name."""

from uuid import UUID

from identity import workspaces
from identity.refusals import BadInput
from identity.subject import Subject
from models.listing import page


async def workspace_named(subject: Subject, slug: str) -> UUID:
    """The workspace of that slug. Raises `BadInput`."""
    for row in await page(workspaces.listing(subject.access)):
        if row.slug == slug:
            found: UUID = row.id
            return found
    raise BadInput(f"There is no workspace {slug!r}.", field="--workspace")

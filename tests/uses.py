"""What is noted as used while a block runs, by anybody."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from identity.access.permissions import Permission, permissions_in
from identity.permission_uses import Uses
from identity.subject import Subject


@dataclass(slots=True)
class Noted:
    mask: int = 0

    @property
    def permissions(self) -> set[Permission]:
        return set(permissions_in(self.mask))


@contextmanager
def noting() -> Iterator[Noted]:
    noted = Noted()

    def note(_: Uses, subject: Subject, asked: int) -> None:
        noted.mask |= asked & subject.access.anywhere_mask

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Uses, "note", note)
        yield noted

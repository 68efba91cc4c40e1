"""What the papers point at is there."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.sources import PACKAGES, ROOT, assert_none, texts

POINTER = re.compile(rf"`((?:{'|'.join(sorted(PACKAGES))}|tests|docs)/[\w./-]*)`|\]\(([\w./-]+)\)")


def dead_pointers(path: PurePosixPath, text: str) -> Iterator[str]:
    """Paths in backticks count from the root, links from the paper."""
    for match in POINTER.finditer(text):
        place = ROOT / match[1] if match[1] else (ROOT / path).parent / match[2]
        if not place.exists():
            yield f"{path} points at {match[1] or match[2]}"


def test_every_path_and_link_leads_somewhere() -> None:
    papers = [(path, text) for path, text in texts() if path.suffix == ".md"]
    assert PurePosixPath("docs/architecture.md") in dict(papers)
    assert_none(offence for path, text in papers for offence in dead_pointers(path, text))


def test_a_dead_pointer_is_found() -> None:
    text = "See `models/nowhere.py`, `models/role.py` and [this](nowhere.md)."
    assert list(dead_pointers(PurePosixPath("docs/a.md"), text)) == [
        "docs/a.md points at models/nowhere.py",
        "docs/a.md points at nowhere.md",
    ]

"""What no file of the repository says: unfinished work, and where it happened to be written."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.sources import Source, assert_none, python_sources, texts

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

# Spelled in pieces, because this file is searched too.
DOWNLOAD_HOSTS = (
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("yarnpkg", "com"),
    ("deb", "debian", "org"),
    ("unpkg", "com"),
    ("jsdelivr", "net"),
    ("cdnjs", "cloudflare", "com"),
)
# Not /Users/: that is where SCIM has its people.
HOME_FOLDERS = ("work", "root", "tmp", "home")
PLACES = re.compile(
    "|".join(re.escape(".".join(host)) for host in DOWNLOAD_HOSTS)
    + "|"
    + rf"(?<![\w.~/-])/(?:{'|'.join(HOME_FOLDERS)})/"
)


def unfinished(source: Source) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT and UNFINISHED.search(token.string):
            yield f"{source.path}:{token.start[0]} {token.string}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and node.id == "NotImplementedError":
            yield f"{source.at(node)} {node.id}"


def places(path: PurePosixPath, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        if match := PLACES.search(line):
            yield f"{path}:{number} {match[0]}"


def test_nothing_is_unfinished() -> None:
    assert_none(offence for source in python_sources() for offence in unfinished(source))


def test_no_download_host_and_no_path_of_one_machine_is_named() -> None:
    assert_none(offence for path, text in texts() for offence in places(path, text))


def test_unfinished_work_is_found() -> None:
    text = "x = 1  # TODO: more\nt = 'TODO'\nraise NotImplementedError('later')\n"
    assert list(unfinished(Source.parse("scim/app.py", text))) == [
        "scim/app.py:1 # TODO: more",
        "scim/app.py:3 NotImplementedError",
    ]


def test_a_place_is_found() -> None:
    host = ".".join(("registry", "npmjs", "org"))
    folder = "/".join(("", "tmp", "gatepost"))
    text = f"see https://{host}/x\nopen {folder}\nGET /users/work/items and ./tmp/file\n"
    assert list(places(PurePosixPath("docs/a.md"), text)) == [
        f"docs/a.md:1 {host.removeprefix('registry.')}",
        "docs/a.md:2 /tmp" + "/",
    ]

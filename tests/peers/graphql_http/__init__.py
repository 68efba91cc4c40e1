"""The audits of the npm package `graphql-http`: the GraphQL over HTTP draft as 61 requests."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.peers import missing

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Audit:
    """One audit's verdict: `status` is `ok`, `notice` (a MAY), `warn` (a SHOULD) or `error`."""

    id: str
    name: str
    status: str
    reason: str | None = None


def audits(url: str, headers: Mapping[str, str]) -> Sequence[Audit]:
    """The verdicts on the server at `url`; the headers go along with each request."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules").is_dir():
        missing(
            "The audits of GraphQL over HTTP need Node.js 20.20 and `make test` to install them"
        )
    done = subprocess.run(
        [node, "audit.mjs"],
        cwd=FOLDER,
        input=json.dumps({"url": url, "headers": dict(headers)}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    return [Audit(**verdict) for verdict in json.loads(done.stdout)]

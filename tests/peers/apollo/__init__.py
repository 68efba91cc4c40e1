"""Apollo's own composition of subgraphs, the npm package `@apollo/composition`."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.peers import missing

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Composed:
    """What composition says: errors, or the supergraph for the router and the schema of clients."""

    errors: list[str]
    supergraph: str | None
    api: str | None


def composed(subgraphs: Mapping[str, str]) -> Composed:
    """The composition of subgraphs by name."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules").is_dir():
        missing("Composing subgraphs needs Node.js 20.20 and `make test` to install Apollo's")
    done = subprocess.run(
        [node, "compose.mjs"],
        cwd=FOLDER,
        input=json.dumps([{"name": name, "sdl": sdl} for name, sdl in subgraphs.items()]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    return Composed(**json.loads(done.stdout))

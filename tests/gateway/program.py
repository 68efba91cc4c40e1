"""The real `gatepost`, started as a program of its own."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_SECONDS = 90
STOP_SECONDS = 90


@dataclass
class Program:
    """A running `gatepost`, whose output is read line by line."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def line_starting(self, start: str) -> str:
        """The next line that starts so. Fails when the program ends first."""
        assert self.process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line.rstrip())
                if line.startswith(start):
                    return line.rstrip()
        raise AssertionError("\n".join(self.lines))

    async def interrupted(self) -> tuple[int, str]:
        """Ctrl-C: the exit code, and what was printed since."""
        self.process.send_signal(signal.SIGINT)
        return await self.ended()

    async def ended(self) -> tuple[int, str]:
        """The exit code, and what was printed that was not read yet."""
        async with asyncio.timeout(STOP_SECONDS):
            rest, _ = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, rest.decode()


@asynccontextmanager
async def running(*arguments: str, folder: Path, **settings: str) -> AsyncIterator[Program]:
    """`gatepost` with these arguments in that folder; killed at the end if it still runs."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", "gateway.cli", *arguments),
        cwd=folder,
        env={**own, "PYTHONPATH": str(ROOT), **settings},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)  # its workers too: they hold the output open
            await process.communicate()


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())

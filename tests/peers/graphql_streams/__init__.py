"""The npm clients `graphql-sse` and `graphql-ws`, as a frontend uses them, in one Node process."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.peers import missing

FOLDER = Path(__file__).parent
SECONDS = 30


class Operation:
    """Something that was asked for on a stream."""

    def __init__(self, clients: "StreamClients", name: str) -> None:
        self._clients = clients
        self.name = name
        self.said: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()

    async def happens(self) -> Mapping[str, Any]:
        """What happens next, without the id: `next`, `complete` or `error`."""
        async with asyncio.timeout(SECONDS):
            return await self.said.get()

    async def result(self) -> Any:
        """The next execution result."""
        happened = await self.happens()
        assert "next" in happened, happened
        return happened["next"]

    async def data(self) -> Any:
        """The data of the next result, which has no errors."""
        result = await self.result()
        assert "errors" not in result, result
        return result["data"]

    async def end(self) -> list[str]:
        """The codes of the errors that it ends with, however the protocol says that.

        On a socket that is closed the code is the close's. Fails when data comes instead.
        """
        happened = await self.happens()
        if "next" in happened:  # graphql-sse has no other way to say why a stream ends
            assert happened["next"].get("data") is None, happened
            assert await self.happens() == {"complete": True}
            return [error["extensions"]["code"] for error in happened["next"]["errors"]]
        assert "error" in happened, happened
        error = happened["error"]
        if "errors" in error:
            return [each["extensions"]["code"] for each in error["errors"]]
        return [str(error.get("code") or error.get("status") or error)]

    def said_nothing_more(self) -> bool:
        return self.said.empty()

    def stop(self) -> None:
        self._clients.tell({"stop": self.name})


class StreamClients:
    """Clients by name; each has a connection of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._operations: dict[str, Operation] = {}
        self.closed: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self.connected: asyncio.Queue[str] = asyncio.Queue()

    def connect(self, name: str, kind: str, url: str, headers: Mapping[str, str]) -> None:
        self.tell({"connect": name, "kind": kind, "url": url, "headers": dict(headers)})

    def subscribe(self, on: str, query: str, **variables: Any) -> Operation:
        operation = Operation(self, f"operation-{len(self._operations)}")
        self._operations[operation.name] = operation
        self.tell({"subscribe": operation.name, "on": on, "query": query, "variables": variables})
        return operation

    def leave(self, name: str) -> None:
        self.tell({"leave": name})

    async def close_of(self) -> Mapping[str, Any]:
        """The code and the reason with which the next socket is closed."""
        async with asyncio.timeout(SECONDS):
            return await self.closed.get()

    def tell(self, command: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            if "id" in said:
                self._operations[said.pop("id")].said.put_nowait(said)
            elif "closed" in said:
                self.closed.put_nowait(said)
            else:
                self.connected.put_nowait(said["connected"])


@asynccontextmanager
async def stream_clients() -> AsyncIterator[StreamClients]:
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules").is_dir():
        missing("The clients of subscriptions need Node.js 20.20 and `make test` to install them")
    process = await asyncio.create_subprocess_exec(
        *(node, "client.mjs"),
        cwd=FOLDER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    clients = StreamClients(process)
    listening = asyncio.create_task(clients.listen())
    try:
        yield clients
    finally:
        process.kill()
        await process.wait()
        listening.cancel()

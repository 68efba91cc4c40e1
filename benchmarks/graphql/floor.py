"""How fast the client is by itself: against a server that answers fixed bytes without reading."""

import asyncio
import sys

from benchmarks.graphql.load import always, asked_once, driven, request_of

BODY = b"x" * 15_000
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
SERVER = """
import asyncio, sys, uvloop
answer = sys.stdin.buffer.read()
class Fixed(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(answer)
async def main():
    server = await asyncio.get_running_loop().create_server(Fixed, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
uvloop.run(main())
"""


async def measured(seconds: float = 1.0, connections: int = 8) -> float:
    """Answers of the size of the page a second; a contender that comes near it is not measured."""
    process = await asyncio.create_subprocess_exec(
        *("taskset", "-c", "0", sys.executable, "-c", SERVER),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(ANSWER)
    process.stdin.close()
    port = int(await process.stdout.readline())
    try:
        request = request_of("token", "{ viewer { name } }", {})
        answer, _ = await asked_once(port, request)
        asking = [always(request, answer)] * connections
        return (await driven(port, asking, warm=0.2, seconds=seconds)).rate
    finally:
        process.kill()
        await process.wait()

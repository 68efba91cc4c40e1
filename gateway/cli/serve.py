"""`gatepost serve`, and the one way in which Gatepost is served."""

import asyncio
import logging
import os
import socket
from contextlib import suppress
from copy import deepcopy
from typing import Any

import click
import uvicorn
from starlette.applications import Starlette
from uvicorn.config import LOGGING_CONFIG
from uvicorn.supervisors import Multiprocess

from gateway.app import application
from gateway.cli.opening import open_database
from gateway.graphql.door import LARGEST_BODY
from gateway.settings import load, variable

PUBLIC_URL = variable("public_url")
STOP_WITHIN_SECONDS = 10
ANSWER_WITHIN_SECONDS = 60
"""A worker that does not is replaced. Uvicorn's 5 are less than a start takes on a busy machine:
workers would be killed, over and over, before they serve.
"""


class WithoutQuery(logging.Filter):
    """Cuts the query off the path in the access log: one-time codes and links stand there."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and len(record.args) == 5:
            client, method, path, version, status = record.args
            record.args = (client, method, str(path).partition("?")[0], version, status)
        return True


def log_configuration() -> dict[str, Any]:
    """Uvicorn's own, with our logger beside it and no query in the access log."""
    configuration = deepcopy(LOGGING_CONFIG)
    configuration["filters"] = {"without_query": {"()": WithoutQuery}}
    configuration["handlers"]["access"]["filters"] = ["without_query"]
    configuration["loggers"]["gatepost"] = {"handlers": ["default"], "level": "INFO"}
    return configuration


def server_configuration(app: Starlette | str, **differences: Any) -> uvicorn.Config:
    """How we run uvicorn. Proxy headers are not believed, and no server names itself."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=LARGEST_BODY,
        ws_per_message_deflate=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_WITHIN_SECONDS,
        timeout_worker_healthcheck=ANSWER_WITHIN_SECONDS,
        log_config=log_configuration(),
        **differences,
    )


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises `ClickException` when that cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise click.ClickException(
            f"Port {port} on {host} cannot be had ({error.strerror}). "
            f"Choose another, e.g. --port {port + 1 if port < 65535 else 8000}"
        ) from error
    bound.set_inheritable(True)
    return bound


def from_environment() -> Starlette:
    """The application on the settings of the environment, for each worker."""
    return application(load())


async def _require_ready() -> None:
    async with open_database(load()):
        pass


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256))
@click.option("--access-log", is_flag=True, help="Log each request, without its query.")
def serve(host: str, port: int, workers: int, access_log: bool) -> None:
    """Serve every door, on the settings of the environment."""
    os.environ.setdefault(PUBLIC_URL, f"http://127.0.0.1:{port}")
    asyncio.run(_require_ready())
    bound = listening(host, port)
    click.echo(f"Gatepost serves {load().public_url} on port {port}. Ctrl-C stops it.")
    configuration = server_configuration(
        f"{__name__}:{from_environment.__name__}",
        factory=True,
        workers=workers,
        access_log=access_log,
    )
    if workers > 1:
        Multiprocess(configuration, sockets=[bound]).run()
        return
    with suppress(KeyboardInterrupt):
        uvicorn.Server(configuration).run(sockets=[bound])

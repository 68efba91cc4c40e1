"""`gatepost worker`."""

import asyncio

import click

from gateway.cli.opening import run
from gateway.mailing import courier_of, mailing
from gateway.posting import post, posting
from gateway.settings import Settings
from gateway.streams.stopping import SIGNALS
from gateway.worker import work, work_until


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now, and stop.")
def worker(once: bool) -> None:
    """Do what is due by itself, such as delivering to webhooks. On SQLite, `serve` does it as well.

    Several may run at once: each thing is done by one of them.
    """
    run(_once if once else _until_stopped)


async def _once(settings: Settings) -> None:
    async with mailing(courier_of(settings)):
        await work()
        await post()


async def _until_stopped(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    click.echo("The worker looks for what is due. Ctrl-C stops it.")
    async with mailing(courier_of(settings)), posting():
        await work_until(stopping)

"""Ending event streams when the process is told to stop.

A server that stops waits for the answers under way, and an event stream has no end of its own.
Uvicorn closes WebSockets itself, and tells an application only when everything is over; so the
signal is heard here as well.
"""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def told_to_stop(event: asyncio.Event) -> Iterator[None]:
    """While the block runs, set the event when the process gets such a signal, and do what was done
    with the signal before.
    """
    if threading.current_thread() is not threading.main_thread():  # it gets no signals
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def on_signal(number: int, frame: FrameType | None) -> Any:
        loop.call_soon_threadsafe(event.set)
        action = before[signal.Signals(number)]
        if callable(action):
            action(number, frame)
        elif action == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in SIGNALS:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number in SIGNALS:
            if signal.getsignal(number) is on_signal:
                signal.signal(number, before[number])

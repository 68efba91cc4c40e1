"""Counting the SQL statements that an operation sends."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """The texts of the statements run in the block, as Tortoise's clients log them."""
    logger = logging.getLogger("tortoise.db_client")
    seen = _Statements()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(seen)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield seen.texts
    finally:
        logger.removeHandler(seen)
        logger.setLevel(level)
        logger.propagate = propagate


class _Statements(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = str(record.args[0]) if isinstance(record.args, tuple) and record.args else ""
        announces = "pg_notify" in text  # by a task of its own, whenever it gets to run
        if not announces and text.lstrip().upper().startswith(
            ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
        ):
            self.texts.append(text)

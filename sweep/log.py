"""The log of a sweep: OUT/log.txt, written by the driver, which also gets the lines of workers.

It is bounded: at MOST_BYTES it becomes log.txt.1, in place of an earlier one, and a new log.txt begins.
"""

import contextlib
import logging
import logging.handlers
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganscape.sweep.messages import LogLine

NAME = "ganscape"
FILE = "log.txt"
MOST_BYTES = 2**24
UNKEPT = re.compile(r"Error writing persistent compilation cache entry for '.*?': (.*?)(?:: '|$)")
logging.getLogger(NAME).addHandler(logging.NullHandler())


@contextlib.contextmanager
def logging_to(out: str | Path, verbose: bool = False) -> Iterator[None]:
    """Appends the lines of the logger "ganscape" at level INFO or above to OUT/log.txt while the block lasts.

    A log never ends a sweep: a file or stream that cannot be written to, such as on a full disk, is left alone.

    Args:
      out: an output folder that exists.
      verbose: writes the same lines to stderr.
    """
    handlers: list[logging.Handler] = []
    with contextlib.suppress(OSError):
        handlers.append(_File(Path(out) / FILE, maxBytes=MOST_BYTES, backupCount=1, encoding="utf-8"))
    if verbose:
        handlers.append(_Quiet(sys.stderr))
    logger, level = logging.getLogger(NAME), logging.getLogger(NAME).level
    for handler in handlers:
        handler.setFormatter(_formatter())
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        for handler in handlers:
            logger.removeHandler(handler)
            with contextlib.suppress(OSError):
                handler.close()


@contextlib.contextmanager
def log_to(send: "Callable[[LogLine], None]") -> Iterator[None]:
    """Sends the lines of the logger "ganscape" in this worker to the driver alone, while the block lasts, and the texts
    of its warnings too.

    A library that a worker imports may give the root logger a handler, which would print every line a second time.
    """
    logger, handler = logging.getLogger(NAME), _Sender(send)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    show, told = warnings.showwarning, set[str]()

    def show_and_log(message: Any, *place: Any, **options: Any) -> None:
        if unkept := UNKEPT.match(str(message)):  # JAX says it of every program
            message = f"compiled programs cannot be kept ({unkept[1]}): they are compiled again each time"
            if message in told:
                return
            told.add(message)
        logger.warning("%s", message)
        show(message, *place, **options)

    warnings.showwarning = show_and_log
    try:
        yield
    finally:
        warnings.showwarning = show
        logger.propagate = propagate
        logger.removeHandler(handler)


def show_warnings_as_lines() -> None:
    """Makes Python print a warning as the line "warning: TEXT", without the place in the code."""

    def as_line(message: Any, *place: Any, **options: Any) -> str:
        return f"warning: {message}\n"

    warnings.formatwarning = as_line


class _Quiet(logging.StreamHandler):
    """Writes lines to a stream, and drops what cannot be written."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Does nothing, where logging would print a traceback to stderr."""


class _File(logging.handlers.RotatingFileHandler):
    """Appends lines to a bounded file, and drops what cannot be written."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Does nothing, where logging would print a traceback to stderr."""


class _Sender(logging.Handler):
    """Sends each line as a message."""

    def __init__(self, send: "Callable[[LogLine], None]"):
        super().__init__()
        self.send = send

    def emit(self, record: logging.LogRecord) -> None:
        from ganscape.sweep.messages import LogLine

        self.send(LogLine(record.levelno, record.getMessage()))


def _formatter() -> logging.Formatter:
    """Formats lines such as "2025-01-31T12:00:00Z INFO worker 1 started", in UTC as the store has it."""
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    return formatter

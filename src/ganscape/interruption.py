"""Ctrl-C ends a command, also where a library swallows it.

An interruption is a KeyboardInterrupt in whatever the main thread does at that moment. In a callback of the
interpreter, such as that of a weak reference, it would be printed and forgotten, and code of others may catch it while
it is imported. So it is noted, and raised again where a sweep looks for it.
"""

import signal
import sys
from typing import Any

_asked = False


def listen() -> None:
    """Makes Ctrl-C (SIGINT) interrupt this process, unless it was started to ignore it, as by `&` in a script. An
    interruption that cannot be raised prints nothing."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)
    sys.unraisablehook = _pass_over


def interrupt(*_: Any) -> None:
    """Notes that this process is to end, and raises KeyboardInterrupt: the handler of a signal."""
    global _asked
    _asked = True
    raise KeyboardInterrupt


def check() -> None:
    """Raises KeyboardInterrupt if this process was interrupted before."""
    if _asked:
        raise KeyboardInterrupt


def _pass_over(unraisable: Any) -> None:
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)

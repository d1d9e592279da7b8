"""Loaded by every Python process of the sweep `swept`: writes down what is opened to be written, what is removed, and
what is connected to, a line of JSON each, into $GANSCAPE_TEST_LEDGER."""

import json
import os
import sys


def note(event, values):
    if event == "open" and isinstance(values[0], str) and values[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        tell("write", os.path.abspath(values[0]))
    elif event == "sqlite3.connect" and os.fsdecode(values[0]) != ":memory:":
        tell("write", os.path.abspath(os.fsdecode(values[0]).removeprefix("file://").partition("?")[0]))
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.symlink"):
        tell("write", os.path.abspath(os.fsdecode(values[1 if event in ("os.rename", "os.symlink") else 0])))
    elif event in ("socket.connect", "socket.bind") and isinstance(values[1], tuple):
        tell("network", repr(values[1]))
    elif event == "socket.getaddrinfo":
        tell("network", repr(values[0]))


def tell(what, culprit):
    descriptor = os.open(LEDGER, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, (json.dumps([what, culprit]) + "\n").encode())
    os.close(descriptor)


if LEDGER := os.environ.get("GANSCAPE_TEST_LEDGER"):
    sys.addaudithook(lambda event, values: LEDGER not in values and note(event, values))

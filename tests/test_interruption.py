"""Ctrl-C ends a command, whatever its main thread does at that moment."""

import subprocess
import sys

IN_A_CALLBACK = """
import os, signal, weakref
from ganscape import interruption

class Thing: pass

def strike(_):
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000): pass

interruption.check()
interruption.listen()
thing = Thing()
reference = weakref.ref(thing, strike)
del thing
print("swallowed")
try:
    interruption.check()
except KeyboardInterrupt:
    print("raised again")
"""


def test_an_interruption_that_is_swallowed_is_raised_again_and_prints_nothing():
    ran = subprocess.run([sys.executable, "-c", IN_A_CALLBACK], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "swallowed\nraised again\n", "")


def test_other_errors_that_cannot_be_raised_are_still_told():
    script = IN_A_CALLBACK.replace("os.kill(os.getpid(), signal.SIGINT)", "raise ValueError('of a callback')")
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.stdout == "swallowed\n" and "ValueError: of a callback" in ran.stderr


def test_a_process_that_a_shell_lets_ignore_ctrl_c_still_does():
    """As of a script that starts a sweep in the background by `&`: Ctrl-C in the terminal is not meant for it."""
    script = "import os, signal; from ganscape import interruption; interruption.listen(); os.kill(os.getpid(), 2)"
    ignoring = f"trap '' INT; exec {sys.executable} -c '{script}'"
    assert subprocess.run(["sh", "-c", ignoring], capture_output=True).returncode == 0
    listening = f"exec {sys.executable} -c '{script}'"
    assert b"KeyboardInterrupt" in subprocess.run(["sh", "-c", listening], capture_output=True).stderr

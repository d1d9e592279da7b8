"""The log of a sweep: where its lines go, and that it never ends a sweep."""

import io
import logging
import subprocess
import sys
import warnings

from ganscape.sweep import log
from ganscape.sweep.log import log_to, logging_to
from ganscape.sweep.messages import LogLine

logger = logging.getLogger("ganscape.sweep.backlog")


def test_lines_are_appended_to_the_file_in_the_output_folder(tmp_path, capsys):
    for number in (1, 2):
        with logging_to(tmp_path):
            logger.info("start %d", number)
            logger.debug("not told")
    logger.info("after the end")
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["INFO start 1", "INFO start 2"]
    assert all(line[10] == "T" and line[19] == "Z" for line in lines)
    assert capsys.readouterr() == ("", "")


def test_a_verbose_log_is_on_stderr_too_and_never_on_stdout(tmp_path, capsys):
    with logging_to(tmp_path, verbose=True):
        logger.warning("lost")
    out, err = capsys.readouterr()
    assert out == "" and err == (tmp_path / "log.txt").read_text() != ""


def test_a_log_stays_bounded_and_keeps_its_last_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "MOST_BYTES", 10_000)
    for _ in range(2):  # two starts of one sweep
        with logging_to(tmp_path):
            for number in range(500):
                logger.info("line %d", number)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.txt", "log.txt.1"]
    assert all(path.stat().st_size <= 10_000 for path in tmp_path.iterdir())
    lines = "".join((tmp_path / name).read_text() for name in ("log.txt.1", "log.txt")).splitlines()
    assert len(lines) >= 10_000 // len(lines[0])
    assert [int(line.split()[-1]) for line in lines] == list(range(500))[-len(lines) :]


def test_a_log_that_cannot_be_renamed_ends_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "MOST_BYTES", 100)
    (tmp_path / "log.txt.1" / "in the way").mkdir(parents=True)
    with logging_to(tmp_path, verbose=False):
        for number in range(10):
            logger.info("line %d", number)
    assert (tmp_path / "log.txt").is_file()


def test_a_closed_stream_and_a_folder_without_room_end_nothing(tmp_path, monkeypatch):
    closed = io.StringIO()
    monkeypatch.setattr(sys, "stderr", closed)
    closed.close()
    (tmp_path / "log.txt").symlink_to("/dev/full")
    with logging_to(tmp_path, verbose=True):
        logger.info("a line for nobody")


def test_lines_of_a_worker_are_messages():
    sent = []
    with log_to(sent.append):
        logger.warning("checkpoint of trial %s", "a")
    logger.warning("later")
    assert sent == [LogLine(logging.WARNING, "checkpoint of trial a")]


def test_a_warning_in_a_worker_is_a_line_of_the_log_and_one_line_on_stderr():
    script = (
        "import warnings; from ganscape.sweep.log import log_to, show_warnings_as_lines; show_warnings_as_lines()\n"
        "with log_to(print): warnings.warn('no checkpoint')\n"
        "warnings.warn('later')"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.stderr == "warning: no checkpoint\nwarning: later\n"
    assert ran.stdout == f"{LogLine(logging.WARNING, 'no checkpoint')}\n"


def test_a_folder_where_no_program_can_be_kept_is_told_once_and_not_for_each_program(monkeypatch):
    shown, sent = [], []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *place, **options: shown.append(message))
    with log_to(sent.append):
        show = warnings.showwarning
        for name in ("jit_a", "jit_b"):
            reason = f"OSError: [Errno 30] Read-only file system: 'xla-cache/{name}-cache'"
            show(f"Error writing persistent compilation cache entry for '{name}': {reason}", UserWarning, "", 0)
        show("another", UserWarning, "", 0)
    assert [line.text for line in sent] == shown and shown[1:] == ["another"]
    reason = "OSError: [Errno 30] Read-only file system"
    assert shown[0] == f"compiled programs cannot be kept ({reason}): they are compiled again each time"


def test_lines_of_a_worker_reach_no_handler_of_a_library(caplog):
    """caplog's handler is on the root logger, as absl's is in a worker that imports orbax."""
    sent = []
    with caplog.at_level(logging.INFO), log_to(sent.append):
        logger.info("checkpoint written")
    assert len(sent) == 1 and caplog.records == []
    logger.warning("propagates again")
    assert len(caplog.records) == 1

"""The report of OUT over HTTP, made again when its store has changed: read-only, for the machine it runs on."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ganscape.results.frames import load
from ganscape.results.report import render
from ganscape.results.store import StoreError, rows_written

LOOPBACK = "127.0.0.1"
SECONDS = 3.0  # between two questions of an open page
PATIENCE = 4  # a page is made again after this many times the seconds that it took, whatever has changed since
PICTURE = re.compile(r"/samples/(?:real|[0-9a-zA-Z-]+/[0-9]+(?:_walks)?)\.png")
# A module has names of its own: a name that the page's scripts declare too would stop this one with a SyntaxError.
REFRESH = """<script type="module">
  const shownState = %s;
  setInterval(() => document.hidden || document.querySelector("dialog[open]") || fetch("/state")
    .then(answer => answer.ok ? answer.text() : shownState)
    .then(state => { if (state !== shownState) location.reload(); }).catch(() => {}), %d);
</script>
"""


class Page:
    """The report of one folder, and of which state of its store it is."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._lock = threading.Lock()
        self._text, self._state, self._due = "", "", 0.0

    def state(self) -> str:
        """What the page would show: the state of the store, or of the page while that is too young to be replaced."""
        return str(rows_written(self.folder)) if time.monotonic() >= self._due else self._state

    def text(self) -> str:
        """The page; raises StoreError when the store cannot be read."""
        with self._lock:
            state = self.state()
            if state != self._state:
                began = time.monotonic()
                refresh = REFRESH % (json.dumps(state), round(1000 * SECONDS))
                self._text = render(load(self.folder)).replace("</body>", f"{refresh}</body>")
                self._state = state
                self._due = time.monotonic() + PATIENCE * (time.monotonic() - began)
            return self._text


@contextmanager
def serving(folder, host: str = LOOPBACK, port: int = 8000) -> Iterator[ThreadingHTTPServer]:
    """A server that answers from within the block; port 0 takes any that is free (`server.server_port`).

    Raises StoreError when OUT has no store or the address cannot be had.
    """
    page = Page(Path(folder))
    page.state()
    try:
        server = ThreadingHTTPServer((host, port), partial(_Handler, page))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"cannot serve on {host} port {port}: {reason}; choose another --port or --host") from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """GET and HEAD of the page, its state and the pictures of trials; everything else does not exist."""

    server_version, sys_version = "ganscape", ""

    def __init__(self, page: Page, *arguments):
        self.page = page
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if not self._is_for_us():
            self._answer(403, b"this server answers to its own address only", "text/plain")
            return
        path = self.path.partition("?")[0]
        try:
            if path == "/":
                self._answer(200, self.page.text().encode(), "text/html; charset=utf-8")
            elif path == "/state":
                self._answer(200, self.page.state().encode(), "text/plain")
            elif PICTURE.fullmatch(path) and (file := self.page.folder / path[1:]).is_file():
                self._answer(200, file.read_bytes(), "image/png")
            else:
                self._answer(404, b"not here", "text/plain")
        except (StoreError, OSError) as error:
            self._answer(503, str(error).encode(), "text/plain; charset=utf-8")

    do_HEAD = do_GET

    def log_message(self, format, *arguments) -> None:
        """Requests are not worth a line."""

    def _is_for_us(self) -> bool:
        """A page of another site that calls its own name by our address is not answered."""
        if self.connection.getsockname()[0] != LOOPBACK:
            return True
        name = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        return name in (LOOPBACK, "localhost")

    def _answer(self, code: int, body: bytes, kind: str) -> None:
        try:
            self.send_response(code)
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))),
                                ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")):  # fmt: skip
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True

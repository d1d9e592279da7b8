"""Reports over HTTP, made again when their store has changed: read-only, for the machine they run on."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote

from ganscape.results.frames import load
from ganscape.results.page.index import describe_sweep, render_index
from ganscape.results.report import render
from ganscape.results.store import STORE, StoreError, rows_written

LOOPBACK = "127.0.0.1"
SECONDS = 3.0  # between two questions of an open page
PATIENCE = 4  # a page is made again after this many times the CPU seconds that it took, whatever has changed since
PICTURE = re.compile(r"samples/(?:real|[0-9a-zA-Z-]+/[0-9]+(?:_walks)?)\.png")
# A module has names of its own: a name that the page's scripts declare too would stop this one with a SyntaxError.
# What the reader does stays: the page's script takes over the parts of the newer page (start.js).
FOLLOW = """<script type="module">
  let state = %s, asking = false;
  const trouble = document.body.insertBefore(document.createElement("p"), document.body.firstChild);
  trouble.id = "trouble";
  setInterval(async () => {
    if (document.hidden || asking) return;
    asking = true;
    try {
      const answer = await fetch("state"), text = await answer.text();
      trouble.textContent = answer.ok ? "" : text;
      if (!answer.ok || text === state) return;
      const page = await fetch("./");
      if (!page.ok) return;
      window.adopt(new DOMParser().parseFromString(await page.text(), "text/html"));
      state = text;
    } catch (error) {
      trouble.textContent = "The server does not answer: this page is as it was.";
    } finally {
      asking = false;
    }
  }, %d);
</script>
"""


class Page:
    """The report of one folder, written anew when the store has changed.

    An open page asks for `state` again and again, and is never made to wait: a thread makes the next page meanwhile.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._lock = threading.Lock()  # held while a page is made
        self._text, self._state, self._trouble, self._due = "", "", "", 0.0

    def state(self) -> str:
        """Returns the state of the store that the page shows, "" before the first page; raises StoreError when the
        store cannot be read. If the store has changed since, begins to make the page that shows it."""
        if self._is_outdated() and not self._lock.locked():
            threading.Thread(target=self._make_next, daemon=True).start()
        if self._trouble:
            raise StoreError(self._trouble)
        return self._state

    def text(self) -> str:
        """Returns the page; raises StoreError when the store cannot be read."""
        with self._lock:
            if self._is_outdated():
                self._make()
            if self._trouble:
                raise StoreError(self._trouble)
            return self._text

    def _is_outdated(self) -> bool:
        """Returns whether the store has changed since the page was made, or could not be read then, and the page may be
        replaced now."""
        if time.monotonic() < self._due:
            return False
        return bool(self._trouble) or str(rows_written(self.folder)) != self._state

    def _make(self) -> None:
        began, self._trouble = time.thread_time(), ""
        try:
            state = str(rows_written(self.folder))
            follow = FOLLOW % (json.dumps(state), round(1000 * SECONDS))
            self._text = render(load(self.folder)).replace("</body>", f"{follow}</body>")
            self._state = state
        except (StoreError, OSError) as error:
            self._trouble = str(error)
        self._due = time.monotonic() + PATIENCE * (time.thread_time() - began)

    def _make_next(self) -> None:
        with suppress(StoreError, OSError):  # those who ask for the state are told
            self.text()


class Site:
    """The report of a folder with a store, or a list of those below it with the report of each."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._pages: dict[str, Page] = {}
        names = self.names()
        if not names:
            rows_written(folder)  # says what is missing
        if "" in names:
            self.page("")

    def names(self) -> list[str]:
        """Returns the sweeps that there are now: "" for the folder itself, else names of folders below it."""
        if (self.folder / STORE).exists():
            return [""]
        return sorted(path.parent.name for path in self.folder.glob(f"*/{STORE}"))

    def is_single(self) -> bool:
        """Returns whether the folder itself is the sweep, also after its store is gone."""
        return "" in self.names() or "" in self._pages

    def page(self, name: str) -> Page:
        """Returns the page of one of `names`; raises KeyError for another."""
        if name not in self.names() and name not in self._pages:
            raise KeyError(name)
        return self._pages.setdefault(name, Page(self.folder / name))

    def index(self) -> str:
        """Returns a page with one line per sweep, which asks for itself again."""
        lines = []
        for name in self.names():
            try:
                lines.append(describe_sweep(load(self.folder / name), name))
            except StoreError as error:
                lines.append({"name": name, "link": quote(name), "trouble": str(error)})
        return render_index(self.folder.name, lines, round(SECONDS) * 3)


@contextmanager
def serving(folder, host: str = LOOPBACK, port: int = 8000) -> Iterator[ThreadingHTTPServer]:
    """Yields a server that answers while the block lasts; port 0 takes any that is free (`server.server_port`).

    folder: with a store, or with folders that have one. Raises StoreError when there is no store or the address cannot
    be had.
    """
    site = Site(Path(folder))
    try:
        server = _Server((host, port), partial(_Handler, site))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"cannot serve on {host} port {port}: {reason}; choose another --port or --host") from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    """An HTTP server that answers each request in a thread of its own.

    request_queue_size: connections that wait until they are taken; of more at the same moment some are tried again a
    second later.
    """

    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for the page, its state and the pictures of trials, and 404 for everything else."""

    server_version, sys_version = "ganscape", ""

    def __init__(self, site: Site, *arguments):
        self.site = site
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if not self._is_for_us():
            self._answer(403, b"this server answers to its own address only", "text/plain")
            return
        try:
            self._answer_path(unquote(self.path.partition("?")[0]).removeprefix("/"))
        except KeyError:
            self._answer(404, b"not here", "text/plain")
        except (StoreError, OSError) as error:
            self._answer(503, str(error).encode(), "text/plain; charset=utf-8")

    def _answer_path(self, path: str) -> None:
        """Answers "", "state" and pictures of the folder itself, or the same below the name of a folder in it."""
        name, rest = "", path
        if not self.site.is_single():
            name, slash, rest = path.partition("/")
            if not path:
                self._answer(200, self.site.index().encode(), "text/html; charset=utf-8")
                return
            if not slash:
                raise KeyError(path)
        page = self.site.page(name)
        if rest == "":
            self._answer(200, page.text().encode(), "text/html; charset=utf-8")
        elif rest == "state":
            self._answer(200, page.state().encode(), "text/plain")
        elif PICTURE.fullmatch(rest) and (file := page.folder / rest).is_file():
            self._answer(200, file.read_bytes(), "image/png")
        else:
            raise KeyError(path)

    do_HEAD = do_GET

    def log_message(self, format, *arguments) -> None:
        """Prints nothing for a request."""

    def _is_for_us(self) -> bool:
        """Returns whether the request names our own address as its host: a page of another site that has it resolve to
        us is refused."""
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

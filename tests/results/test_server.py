"""Pages of running sweeps over HTTP."""

import http.client
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from ganscape.results import server
from ganscape.results.store import StoreError, open_store

TABLE = {"a": [[3.0], ["running"]]}
SCORE = {"trial": "a-1-0", "metric": "fd_digits", "protocol": "0123456789ab", "attempt": 0, "seconds": 1.0}


@pytest.fixture
def ask(build, monkeypatch):
    """ask(path, ...) -> (status, body) of a served folder, which is ask.folder."""
    monkeypatch.setattr(server, "PATIENCE", 0)
    folder = build(TABLE)
    with server.serving(folder, port=0) as running:

        def ask(path, method="GET", **headers):
            connection = http.client.HTTPConnection("127.0.0.1", running.server_port, timeout=60)
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return answer.status, body

        ask.folder, ask.address = folder, running.server_address
        yield ask


@pytest.fixture
def plain(monkeypatch):
    """Leaves a page its body."""
    monkeypatch.setattr(server, "render", lambda results: f"<body>{len(results.scores())}</body>")


def test_the_page_is_made_again_when_the_store_has_changed(ask, monkeypatch):
    rendered = []
    monkeypatch.setattr(server, "render", lambda results: f"<body>{rendered.append(1) or len(rendered)}</body>")
    first, again = ask("/")[1], ask("/")[1]
    assert first == again and first.startswith(b"<body>1") and b"window.adopt" in first
    state = ask("/state")[1]
    assert state.decode() in first.decode().replace('\\"', '"')
    with open_store(ask.folder) as store:
        store.add_scores([SCORE | {"rung": 100, "images": 100, "value": 1.0}])
    while ask("/state")[1] == state:  # without a limit of its own: the suite has one
        time.sleep(0.01)
    assert rendered == [1, 1] and ask("/")[1].startswith(b"<body>2")


@pytest.mark.usefixtures("plain")
def test_who_asks_for_the_state_waits_for_no_page_and_is_told_the_new_one_when_it_is_there(ask, monkeypatch):
    begin, rendered = threading.Event(), []

    def render_slowly(results):
        begin.wait(30)
        return f"<body>{rendered.append(1) or len(rendered)}</body>"

    first, state = ask("/")[1], ask("/state")[1]
    monkeypatch.setattr(server, "render", render_slowly)
    with open_store(ask.folder) as store:
        store.add_scores([SCORE | {"rung": 100, "images": 100, "value": 1.0}])
    assert [ask("/state")[1] for _ in range(5)] == [state] * 5 and rendered == [] and first.startswith(b"<body>2<")
    begin.set()
    while ask("/state")[1] == state:
        time.sleep(0.01)
    assert rendered == [1], "one page for all who asked"


def refuse(folder):
    raise StoreError("the store is damaged: table scores")


@pytest.mark.usefixtures("plain")
def test_a_page_that_cannot_be_made_is_told_to_who_asks_for_the_state_until_it_can(ask, monkeypatch):
    ask("/")
    with monkeypatch.context() as damaged:
        damaged.setattr(server, "load", refuse)
        with open_store(ask.folder) as store:
            store.add_scores([SCORE | {"rung": 100, "images": 100, "value": 1.0}])
        while (answer := ask("/state"))[0] == 200:
            time.sleep(0.01)
        assert answer == ask("/") == (503, b"the store is damaged: table scores")
    assert ask("/")[0] == ask("/state")[0] == 200


@pytest.mark.usefixtures("plain")
def test_a_page_is_shown_again_when_a_store_that_could_not_be_read_is_as_it_was(ask, monkeypatch):
    ask("/")
    with monkeypatch.context() as damaged:
        damaged.setattr(server, "load", refuse)
        damaged.setattr(server, "rows_written", lambda folder: (0,))
        while ask("/state")[0] == 200:
            time.sleep(0.01)
    assert ask("/")[0] == ask("/state")[0] == 200


def test_a_page_that_took_long_is_not_made_again_at_once(build, monkeypatch):
    monkeypatch.setattr(server, "render", lambda results: "<body></body>")
    folder = build(TABLE)
    page = server.Page(folder)
    monkeypatch.setattr(server, "PATIENCE", 1e9)
    first = page.text()
    with open_store(folder) as store:
        store.add_scores([SCORE | {"rung": 100, "images": 100, "value": 1.0}])
    assert page.text() == first and page.state() in first.replace('\\"', '"')


def test_a_page_that_waited_for_a_processor_is_made_again_without_delay(build, monkeypatch):
    """Which makes it late once, on a crowded machine, but not five times as late."""
    now, rendered = [0.0], []

    def wait(results):
        now[0] += 1000.0
        return f"<body>{rendered.append(1) or len(rendered)}</body>"

    monkeypatch.setattr(server, "render", wait)
    monkeypatch.setattr(server, "time", SimpleNamespace(monotonic=lambda: now[0], thread_time=lambda: 2.0))
    folder = build(TABLE)
    page = server.Page(folder)
    assert page.text().startswith("<body>1")
    with open_store(folder) as store:
        store.add_scores([SCORE | {"rung": 100, "images": 100, "value": 1.0}])
    assert page.text().startswith("<body>2")


@pytest.mark.usefixtures("plain")
def test_fifty_readers_are_answered_while_scores_arrive_and_all_end_with_the_last_page(ask):
    together, wrong, last = threading.Barrier(51), [], []

    def read():
        together.wait()
        page = b""
        while not page.startswith(b"<body>32<"):
            status, page = ask("/")
            if status != 200:
                wrong.append((status, page))
                return
            time.sleep(0.1)
        last.append(page)

    readers = [threading.Thread(target=read) for _ in range(50)]
    for reader in readers:
        reader.start()
    with open_store(ask.folder) as store:
        together.wait()
        for rung in range(1, 31):  # there are two already
            store.add_scores([SCORE | {"rung": rung, "images": rung, "value": 1.0}])
            time.sleep(0.01)
    for reader in readers:
        reader.join(60)
    # A page may show a score that came after its state was read: the same page is then made again, with the new state.
    assert wrong == [] and [page.partition(b"<script")[0] for page in last] == [b"<body>32"] * 50


def test_it_listens_on_loopback_and_answers_to_no_other_name(ask):
    assert ask.address[0] == "127.0.0.1"
    assert ask("/state", Host="evil.example:80")[0] == 403
    assert ask("/state", Host=f"localhost:{ask.address[1]}")[0] == 200


def test_only_the_page_and_pictures_of_trials_can_be_read(ask):
    (ask.folder / "samples" / "a-0-0").mkdir(parents=True)
    (ask.folder / "samples" / "a-0-0" / "200.png").write_bytes(b"picture")
    assert ask("/samples/a-0-0/200.png") == (200, b"picture")
    for path in ("/store.sqlite", "/samples/../store.sqlite", "/samples/%2e%2e/store.sqlite", "/samples/a-0-0/",
                 "//etc/passwd", "/samples/a-0-0/100.png"):  # fmt: skip
        assert ask(path)[0] == 404
    for method in ("POST", "PUT", "DELETE"):
        assert ask("/", method)[0] == 501
    assert ask("/state", "HEAD") == (200, b"")


@pytest.mark.usefixtures("without_figures")
def test_serving_writes_nothing(ask):
    before = sorted(path for path in ask.folder.rglob("*") if "-shm" not in path.name and "-wal" not in path.name)
    status, body = ask("/")
    assert status == 200 and b"Are they equal?" in body
    assert before == sorted(p for p in ask.folder.rglob("*") if "-shm" not in p.name and "-wal" not in p.name)


def test_a_store_that_is_gone_is_told(ask):
    for file in ask.folder.iterdir():
        file.unlink()
    status, body = ask("/")
    assert status == 503 and b"no results in" in body and b"\n" not in body


def test_a_port_in_use_and_a_folder_without_a_store_are_one_line(build, tmp_path):
    folder = build(TABLE)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StoreError, match=rf"port {port}: Address already in use; choose another --port"):
            server.serving(folder, port=port).__enter__()
    with pytest.raises(StoreError, match="no results in"):
        server.serving(tmp_path / "nowhere", port=0).__enter__()


def test_folders_below_one_are_listed_and_served_by_name(build, write_store, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "render", lambda results: f"<body>{results.folder.name}</body>")
    write_store(tmp_path / "runs" / "a & b", TABLE, question="?")
    write_store(tmp_path / "runs" / "second", TABLE, study="<i>mine</i>")
    (tmp_path / "runs" / "second" / "samples" / "a-0-0").mkdir(parents=True)
    (tmp_path / "runs" / "second" / "samples" / "a-0-0" / "200.png").write_bytes(b"picture")
    (tmp_path / "runs" / "none").mkdir()
    with server.serving(tmp_path / "runs", port=0) as running:

        def get(path):
            connection = http.client.HTTPConnection("127.0.0.1", running.server_port, timeout=60)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

        listed = get("/")[1].decode()
        assert (
            'href="a%20%26%20b/"' in listed and 'href="second/"' in listed and "none" not in listed.split("<main>")[1]
        )
        assert "&lt;i&gt;mine&lt;/i&gt; on digits" in listed and "1 of 2" in listed and "3 (a)" in listed
        assert get("/second/")[1].startswith(b"<body>second") and get("/a%20%26%20b/")[1].startswith(b"<body>a & b")
        assert get("/second/samples/a-0-0/200.png") == (200, b"picture") and get("/second/state")[0] == 200
        for path in ("/none/", "/second", "/../", "/second/../a%20%26%20b/", "/second/store.sqlite", "/%2e%2e/"):
            assert get(path)[0] == 404
        write_store(tmp_path / "runs" / "third", TABLE)
        assert b'href="third/"' in get("/")[1]
        for file in (tmp_path / "runs" / "second").glob("store*"):
            file.unlink()
        status, told = get("/second/state")
        assert status == 503 and b"no results in" in told

import pytest
from markupsafe import Markup

from ganscape.results.page import figures
from ganscape.results.store import open_store

PROTOCOL = "0123456789ab"
DESCRIPTION = {
    "metric": "fd_digits",
    "encoder": "digits",
    "samples": 797,
    "reference": "digits/test",
    "reference_samples": 797,
}


def definition(names, configs, seeds, **changes):
    return {
        "study": "equal/wide", "question": "Are they equal?", "scale": "smoke", "data": "digits",
        "data_fingerprint": "ab" * 32, "image_shape": [8, 8, 1], "seed": 0, "seeds": seeds, "configs": configs,
        "methods": {name: {} for name in names},
        "settings": {}, "images": 200, "rungs": [100, 200], "metric": "fd_digits", "protocol": PROTOCOL,
        "source": "a paper",
    } | changes  # fmt: skip


@pytest.fixture
def without_figures(monkeypatch):
    """Leaves the pictures of figures out of pages, which take most of their time; captions and tables stay."""
    monkeypatch.setattr(figures, "svg", lambda ax, name: Markup("<svg></svg>"))
    monkeypatch.setattr(figures, "mark", lambda picture, *rows: picture)


@pytest.fixture(scope="session")
def write_store():
    """write_store(folder, table, ...) -> the folder, see `_write_store`."""
    return _write_store


@pytest.fixture
def build(tmp_path):
    """build({method: [[score per seed] per config]}, name, ...) -> an output folder, see `_write_store`."""

    def build(table, name="out", **changes):
        return _write_store(tmp_path / name, table, **changes)

    return build


def _write_store(folder, table, again=(), round=(0,) * 1000, **changes):
    """An output folder with a store; table: {method: [[score per seed] per config]}.

    A score is a number (the last rung; the first rung is twice as bad), None (a final failure) or "running".
    round: the round of each config of a method, 0 by default. again={method: (config, [score per fresh seed], round)}.
    """
    configs, seeds = max(map(len, table.values())), max(len(row) for rows in table.values() for row in rows)
    with open_store(folder) as store:
        store.begin(definition(table, configs, seeds, **changes))
        store.add_environment({"python": "3.11", "jax": "0.10"})
        store.add_protocol(PROTOCOL, DESCRIPTION)
        for method, rows in table.items():
            for c, row in enumerate(rows):
                for seed, score in enumerate(row):
                    settings = {"learning_rate": 10.0**-c, "loss": method}
                    _add_trial(store, method, f"{method}-{c}", seed, score, settings, round[c])
        for method, (config, row, number) in dict(again).items():
            for seed, score in enumerate(row, start=seeds):
                _add_trial(store, method, config, seed, score, {"learning_rate": 1.0, "loss": method}, number)
    return folder


def _add_trial(store, method, config, seed, score, settings, round):
    trial = f"{config}-{seed}"
    row = {"trial": trial, "config": config, "method": method, "seed": seed, "settings": settings, "structure": "s"}
    store.add_trials(round, [row])
    if score is None:
        store.add_failure({"trial": trial, "attempt": 0, "cause": "diverged", "rung": 100, "step": 7,
                           "message": "loss is nan", "detail": "", "final": True})  # fmt: skip
    elif score != "running":
        for rung, value in ((100, 2.0 * score), (200, float(score))):
            store.add_scores([{"trial": trial, "rung": rung, "images": rung, "metric": "fd_digits", "value": value,
                               "protocol": PROTOCOL, "attempt": 0, "seconds": rung / 10}])  # fmt: skip

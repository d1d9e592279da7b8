"""Finished sweeps as benchmarks: what they answer is what was recorded, and a surrogate knows how good it is."""

import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from ganscape import benchmark
from ganscape.results import StoreError, load
from ganscape.results.frames import RECORDED
from ganscape.results.store import STORE
from ganscape.results.surrogate import Surrogate
from ganscape.results.tabular import Tabular

WIDE = RECORDED / "equal_wide_digits"


@pytest.fixture(scope="module")
def table():
    return Tabular(WIDE)


def test_every_recorded_score_is_answered(table):
    """With its cost, for every config, seed and rung that has one."""
    scores = load(WIDE).scores()
    for row in scores[scores["metric"] == table.metric].sample(60, random_state=0).itertuples():
        assert table.ask(row.config, row.rung, row.seed) == (row.value, row.seconds, row.images, row.seed)


def test_a_trial_that_failed_answers_infinity_and_what_it_cost(tmp_path):
    """And the scores that it had before it failed."""
    shutil.copy(WIDE / STORE, tmp_path)
    scores = load(WIDE).scores()
    trial, last = scores["trial"][0], scores["rung"].max()
    with closing(sqlite3.connect(tmp_path / STORE)) as db, db:
        db.execute("DELETE FROM scores WHERE trial = ? AND rung = ?", (trial, int(last)))
        db.execute(
            "INSERT INTO failures (trial, attempt, cause, rung, step, message, detail, final, recorded) "
            "VALUES (?, 0, 'diverged', ?, 7, 'nan', '', 1, '2026-01-01T00:00:00+00:00')",
            (trial, int(last)),
        )
    table, row = Tabular(tmp_path), scores.iloc[0]
    assert table.ask(row["config"], int(row["rung"]), int(row["seed"])).value == row["value"]
    failed = table.ask(row["config"], seed=int(row["seed"]))
    assert failed.value == np.inf and failed.images == last and failed.seconds > 0


def test_a_drawn_seed_is_one_of_the_config_s_and_follows_the_generator(table):
    config = next(config for config in table.configs("vae") if len(table.seeds(config)) > 1)
    draws = [table.ask(config, rng=np.random.default_rng(seed)).seed for seed in range(20)]
    assert set(draws) == set(table.seeds(config))
    assert draws == [table.ask(config, rng=np.random.default_rng(seed)).seed for seed in range(20)]


def test_the_lowest_is_the_lowest_median_of_the_frames(table):
    last = load(WIDE).per_trial("last")
    expected = last[last["method"] == "vae"].groupby("config")["value"].median().min()
    assert table.lowest("vae") == expected


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda table: table.configs("vaee"), "unknown method 'vaee' .did you mean 'vae'"),
        (lambda table: table.ask("0" * 16), "config '0000000000000000' is none of the"),
        (lambda table: table.ask(table.configs("vae")[0], rung=1), "rung=1 is none of: "),
        (lambda table: table.ask(table.configs("vae")[0], seed=99), "seed=99 of config .* was not trained; one of: 0"),
        (lambda table: Surrogate(Made(30, valley), "any").predict({"loss": "a"}), "the settings lack rate, on which"),
        (lambda table: Surrogate(Made(9, valley), "any"), "9 configs of any are too few for a surrogate; it needs 10"),
    ],
)
def test_what_the_table_does_not_have_is_refused(table, ask, message):
    with pytest.raises(StoreError, match=message):
        ask(table)


class Made(Tabular):
    """A table whose median score is known for any settings."""

    def __init__(self, count: int, score):
        rng = np.random.default_rng(0)
        self.known = {
            str(index): {"rate": float(10 ** rng.uniform(-5, -1)), "loss": str(rng.choice(["a", "b"])), "same": 3}
            for index in range(count)
        }
        self.score = score

    def configs(self, method):
        return list(self.known)

    def settings(self, config):
        return self.known[config]

    def seeds(self, config):
        return [0, 1]

    def ask(self, config, rung=None, seed=None, rng=None):
        noise = np.random.default_rng([int(config), seed]).normal(0, 0.1)
        return benchmark.Replay(self.score(self.known[config]) * np.exp(noise), 1.0, 1, seed)


def valley(settings) -> float:
    return float(np.exp(0.5 * (np.log10(settings["rate"]) + 3) ** 2 + (settings["loss"] == "b")))


def test_a_surrogate_learns_a_surface_and_states_the_error_that_it_has_on_new_configs():
    surrogate = Surrogate(Made(80, valley), "any")
    fresh = Made(180, valley)  # the first 80 are those of the table
    unknown = list(fresh.known.values())[80:]
    errors = [np.log(surrogate.predict(settings)) - np.log(valley(settings)) for settings in unknown]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(surrogate.error.log_rmse, rel=0.5)
    assert surrogate.error.log_rmse < 0.4 * surrogate.error.baseline
    assert surrogate.error.rank_correlation > 0.9
    assert surrogate.noise == pytest.approx(0.1, rel=0.25)


def test_a_surrogate_takes_settings_by_the_names_of_the_search():
    """A searcher proposes one learning rate; trained configs are stored with two."""
    table = Tabular(RECORDED / "equal_wide_mnist16")
    surrogate, settings = Surrogate(table, "vae"), table.settings(table.configs("vae")[3])
    proposed = {name: value for name, value in settings.items() if name not in ("g_lr", "d_lr")}
    for rate in (settings["g_lr"], 1e-2):
        by_fields = surrogate.predict(proposed | {"g_lr": rate, "d_lr": rate})
        assert surrogate.predict(proposed | {"learning_rate": rate}) == by_fields
    assert surrogate.predict(proposed | {"learning_rate": 1e-5}) != surrogate.predict(
        proposed | {"learning_rate": 1e-3}
    )


def test_a_surrogate_of_noise_says_that_it_knows_nothing():
    surrogate = Surrogate(Made(60, lambda settings: np.exp(hash(settings["rate"]) % 1000 / 500)), "any")
    assert surrogate.error.log_rmse > 0.8 * surrogate.error.baseline
    assert "for the mean" in repr(surrogate)

import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from ganscape.results import columns, frames, report, scores_file
from ganscape.results.frames import load
from ganscape.results.scores_file import export
from ganscape.results.store import StoreError, open_store
from ganscape.results.winners import winners

TABLE = {"ns_gan": [[3.0, 4.0], [None, 2.0]], "wgan": [["running", 5.0]]}


def test_columns_are_the_documented_ones_also_when_there_is_nothing(tmp_path, build):
    open_store(tmp_path / "empty").close()
    trial = ["trial", "config", "method", "seed"]
    for results in (load(tmp_path / "empty"), load(build(TABLE))):
        assert list(results.scores()) == [*trial, "rung", "images", "metric", "value", "protocol", "attempt", "seconds",
                                           "cpu_seconds"]  # fmt: skip
        assert list(results.failures()) == [*trial, "attempt", "cause", "rung", "step", "message", "detail", "final"]
        assert list(results.per_trial()) == [*trial, "phase", "status", "rung", "value"]
        assert list(results.trials())[:8] == [*trial, "round", "phase", "status", "rungs"]
        assert list(results.best()) == list(results.scores())
        assert results.scores().dtypes["value"] == "float64" and results.scores().dtypes["images"] == "int64"
    assert list(load(build(TABLE, "two")).trials())[8:] == ["learning_rate", "loss"]
    assert load(tmp_path / "empty").study == {}


def test_status_follows_the_last_rung_and_final_failures(build):
    folder = build(TABLE)
    trials = load(folder).trials().set_index("trial")
    assert trials["status"].to_dict() == {
        "ns_gan-0-0": "done", "ns_gan-0-1": "done", "ns_gan-1-0": "failed",
        "ns_gan-1-1": "done", "wgan-0-0": "running", "wgan-0-1": "done",
    }  # fmt: skip
    assert trials["rungs"].tolist() == [2, 2, 0, 2, 0, 2]


def test_a_trial_that_was_lost_and_is_tried_again_is_running(build):
    folder = build(TABLE)
    with open_store(folder) as store:
        store.add_failure(
            {
                "trial": "wgan-0-0",
                "attempt": 0,
                "cause": "lost",
                "rung": 100,
                "step": 3,
                "message": "died",
                "detail": "",
                "final": False,
            }
        )
    results = load(folder)
    assert results.trials().set_index("trial").loc["wgan-0-0", "status"] == "running"
    assert results.failures()["final"].tolist() == [True, False]


def test_rules_give_the_lowest_and_the_last_rung_and_failures_are_infinite(build):
    folder = build({"ns_gan": [[3.0], [None], ["running"]]}, rungs=[100, 200, 300])
    with open_store(folder) as store:
        common = {
            "trial": "ns_gan-0-0",
            "metric": "fd_digits",
            "protocol": "0123456789ab",
            "attempt": 0,
            "seconds": 1.0,
        }
        store.add_scores([{"rung": 300, "images": 300, "value": 9.0} | common])
        store.add_protocol("another", {})
        store.add_scores([{"rung": 300, "images": 300, "value": 0.1} | common | {"protocol": "another"}])
        store.add_scores([{"rung": 300, "images": 300, "value": 0.2} | common | {"metric": "fd_pixels"}])
    results = load(folder)
    best, last = results.per_trial(), results.per_trial("last")
    assert best["value"].tolist()[:2] == [3.0, math.inf] and math.isnan(best["value"][2])
    assert last["value"].tolist()[:2] == [9.0, math.inf] and math.isnan(last["value"][2])
    assert (best["rung"][0], last["rung"][0]) == (200, 300)
    with pytest.raises(StoreError, match="'mean'; one of: best, last"):
        results.per_trial("mean")


def test_best_is_the_lowest_score_so_far_with_its_ties(build):
    best = load(build({"a": [[3.0, "running"], [2.0, None]], "b": [[2.0, 7.0]]})).best()
    assert best[["trial", "rung", "value"]].values.tolist() == [["a-1-0", 200, 2.0], ["b-0-0", 200, 2.0]]


def test_best_counts_running_trials_and_leaves_out_failed_ones(build):
    folder = build({"a": [[3.0], ["running"], ["running"]]})
    with open_store(folder) as store:
        for trial, value in (("a-1-0", 1.5), ("a-2-0", 0.5)):
            store.add_scores([{"trial": trial, "rung": 100, "images": 100, "metric": "fd_digits", "value": value,
                               "protocol": "0123456789ab", "attempt": 0, "seconds": 1.0}])  # fmt: skip
        store.add_failure(
            {
                "trial": "a-2-0",
                "attempt": 0,
                "cause": "diverged",
                "rung": 200,
                "step": 9,
                "message": "nan",
                "detail": "",
                "final": True,
            }
        )
    assert load(folder).best()["trial"].tolist() == ["a-1-0"]


def test_one_load_is_one_instant(build):
    folder = build(TABLE)
    results = load(folder)
    before = results.scores()
    with open_store(folder) as store:
        store.add_failure(
            {
                "trial": "wgan-0-0",
                "attempt": 0,
                "cause": "crashed",
                "rung": None,
                "step": None,
                "message": "m",
                "detail": "",
                "final": True,
            }
        )
        assert len(load(folder).failures()) == 2, "a new load sees what the running writer has committed"
    assert len(results.failures()) == 1
    pd.testing.assert_frame_equal(results.scores(), before)


def test_a_setting_named_like_a_column_is_kept_under_another_name(build):
    folder = build({"a": [[1.0]]})
    with open_store(folder) as store:
        store.add_trials(
            1,
            [
                {
                    "trial": "t",
                    "config": "c",
                    "method": "a",
                    "seed": 4,
                    "structure": "",
                    "settings": {"seed": 9, "metric": "x"},
                }
            ],
        )
    trials = load(folder).trials().set_index("trial")
    assert (trials.loc["t", "seed"], trials.loc["t", "setting_seed"]) == (4, 9)


def test_the_protocol_is_named_with_its_samples_and_reference(build):
    assert load(build(TABLE)).protocol_label() == "fd_digits, 797 samples against digits/test (797)"


def number(text):
    return float(text) if text else math.nan


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_export_keeps_every_score_bit_for_bit_and_every_failed_trial(tmp_path, build, suffix):
    results = load(build({"a": [[1 / 3, 0.1], [None, 2.5e-17]]}))
    path = export(results, tmp_path / f"scores{suffix}")
    read = {".csv": lambda file: pd.read_csv(file, converters={"value": number}), ".parquet": pd.read_parquet}[suffix](
        path
    )
    assert list(read) == [*columns.SCORES, "round", "phase", "status", "rungs", "learning_rate", "loss"]
    scores = results.scores()
    found = read.dropna(subset="value").set_index(["trial", "rung"]).sort_index()
    expected = scores.set_index(["trial", "rung"]).sort_index()
    assert found["value"].tolist() == expected["value"].tolist()
    assert read.loc[read["status"] == "failed", "trial"].tolist() == ["a-1-0"]
    assert read.loc[read["config"] == "a-1", "learning_rate"].unique().tolist() == [0.1]
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == [path.name]


def test_parquet_takes_settings_of_mixed_kind(tmp_path, build):
    folder = build({"a": [[1.0]]})
    with open_store(folder) as store:
        for name, value in (("u", 0.5), ("v", "none"), ("w", [1, 2])):
            store.add_trials(
                1,
                [
                    {
                        "trial": name,
                        "config": name,
                        "method": "a",
                        "seed": 0,
                        "structure": "",
                        "settings": {"mixed": value},
                    }
                ],
            )
    read = pd.read_parquet(export(load(folder), tmp_path / "scores.parquet")).set_index("trial")
    assert read.loc[["u", "v", "w"], "mixed"].tolist() == ["0.5", '"none"', "[1, 2]"]


def test_export_names_the_kinds_of_file_it_can_write(tmp_path, build):
    with pytest.raises(StoreError, match=r"scores\.xlsx.*one of: \.csv, \.parquet"):
        export(load(build(TABLE)), tmp_path / "scores.xlsx")
    with pytest.raises(StoreError, match="cannot write"):
        export(load(build(TABLE, "two")), tmp_path / "nowhere" / "scores.csv")


def test_a_store_without_a_study_is_not_exported_as_if_it_were_empty(tmp_path):
    """It may be a copy of the file alone, made before SQLite had copied its log into it."""
    open_store(tmp_path).close()
    with pytest.raises(StoreError, match=r"no study yet .*copy without its store\.sqlite-wal"):
        export(load(tmp_path), tmp_path / "scores.csv")
    with pytest.raises(StoreError, match=r"copy without its store\.sqlite-wal"):
        winners(load(tmp_path))


def test_an_export_that_fails_leaves_the_earlier_file(tmp_path, build, monkeypatch):
    results = load(build(TABLE))
    path = export(results, tmp_path / "scores.csv")
    before = path.read_bytes()

    def broken(table, file):
        file.write("half a li")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(scores_file.WRITERS, ".csv", ("w", broken))
    with pytest.raises(StoreError, match="No space left on device"):
        export(results, path)
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir() if file.is_file()] == [
        "scores.csv"
    ]


PHASES = [
    {"name": "bandit", "searcher": "gp_bandit", "configs": 2, "seeds": 1, "rounds": 2},
    {"name": "confirm", "searcher": "best", "configs": 1, "seeds": 1, "rounds": 1},
]


def test_a_round_belongs_to_the_phase_that_it_falls_into(build):
    """Rounds are numbered through all phases: 0 and 1, then 2 and 3, then 4."""
    rounds = {"a": [[1.0], [2.0], [3.0], [4.0]]}
    folder = build(rounds, rounds=2, searcher="points", phases=PHASES, again={"a": ("a-0", [5.0], 4)}, round=range(4))
    results = frames.load(folder)
    assert results.trials()["phase"].tolist() == ["points", "points", "bandit", "bandit", "confirm"]
    assert results.searched()["value"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert results.confirmed()["value"].tolist() == [5.0]


def test_without_phases_the_only_one_is_called_like_the_searcher(build):
    results = frames.load(build({"a": [[1.0]]}, searcher="random"))
    assert results.per_trial()["phase"].tolist() == ["random"] and results.confirmed().empty


def test_what_a_searcher_chose_by_scores_is_not_independent(build):
    rounds = {"a": [[1.0], [2.0], [3.0], [4.0]]}
    results = frames.load(build(rounds, rounds=2, searcher="points", phases=PHASES, round=range(4)))
    assert results.independent()["value"].tolist() == [1.0, 2.0]
    assert results.begins_with_known() and not results.exchangeable()
    drawn = frames.load(build(rounds, "drawn", searcher="random", phases=PHASES[1:]))
    assert drawn.exchangeable() and not drawn.begins_with_known() and len(drawn.independent()) == 4
    assert not frames.load(build(rounds, "other", searcher="one of tomorrow")).exchangeable()


STORES = Path(__file__).parent / "stores"


@pytest.mark.parametrize("old", sorted(STORES.glob("*.sqlite")), ids=lambda path: path.stem)
def test_a_store_of_an_older_version_opens_is_summed_up_and_goes_on(tmp_path, old):
    """Files written by versions that knew no later migration; each holds one trial with the score 1.5."""
    folder = tmp_path / "out"
    folder.mkdir()
    shutil.copy(old, folder / "store.sqlite")
    before = load(folder)
    assert before.best()["value"].tolist() == [1.5] and before.signs().empty
    assert "Nothing to compare m with: it is the only method." in report.write_report(folder).read_text()
    with open_store(folder) as store:  # migrates
        store.add_trials(0, [{"trial": "u", "config": "u", "method": "m", "seed": 0, "settings": {}, "structure": "s"}])
    after = load(folder)
    assert after.trials()["trial"].tolist() == ["t", "u"] and after.scores()["value"].tolist() == [1.5]


def test_a_folder_of_the_layout_before_one_import_name_opens_reads_and_resumes(tmp_path):
    """Two methods of one config each, as written by commit a386293, whose output gave these two scores."""
    from ganscape.sweep.plan import plan

    folder = tmp_path / "out"
    shutil.copytree(STORES / "folder_of_a386293", folder)
    results = load(folder)
    scores = results.per_trial().set_index("method")["value"].round(1).to_dict()
    assert scores == {"ns_gan": 529.8, "vae": 580.6} and set(results.trials()["status"]) == {"done"}
    assert results.search()[0]["searcher"] == "random" and not results.learning() and results.exchangeable()
    assert "Images generated by trial f3384e064857" in report.write_report(folder).read_text()
    settings = {"configs": 1, "images": 1280, "interval": 640}
    same = plan("equal/wide", methods=["ns_gan", "vae"], data="digits", seeds=1, settings=settings, out=folder)
    with open_store(folder) as store:
        store.begin(same.definition)
        assert len(store.scores()) == 4


@pytest.mark.parametrize("independent", [True, False])
def test_a_definition_says_whether_a_searcher_from_outside_looks_at_scores(build, independent):
    table = {"a": [[1.0], [2.0]]}
    assert load(build(table, "old", searcher="outside")).learning()
    told = load(build(table, "new", searcher="outside", independent=independent))
    assert bool(told.learning()) is not independent and told.exchangeable() is independent

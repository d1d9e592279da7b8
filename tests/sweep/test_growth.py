"""A sweep that is given more in its folder, or merged with another, is the sweep that asks for all at once."""

import math

import numpy as np
import pandas as pd
import pytest

from ganscape.results import frames
from ganscape.results.definition import UNSTATED
from ganscape.results.live import progress
from ganscape.results.sentences import answer
from ganscape.results.store import StoreError, describe_growth, open_store
from ganscape.search_spaces import StudyError
from ganscape.sweep import merging
from ganscape.sweep.backlog import Backlog
from ganscape.sweep.checkpoints import load_checkpoint, save_checkpoint
from ganscape.sweep.growth import confirming_plan, searching_plan, stored_plan, united_plan
from ganscape.sweep.messages import Score
from ganscape.sweep.plan import plan

LENGTH = {"images": 1280, "interval": 640, "disc_iters": 1}


def value(trial, rung):
    """Depends on the config and, wildly, on the seed."""
    return 1280 / rung + abs(math.log10(trial.config.g_lr) + 3.3) + 0.3 * math.sin(1e3 * trial.seed)


def run(planned, out):
    """Trains nothing: every trial of the plan, united with what is there, gets its scores. Returns who was scored."""
    planned, scored = united_plan(planned, out), []
    with open_store(out) as store:
        store.begin(planned.definition)
        store.add_protocol(planned.protocol.fingerprint, planned.protocol.describe())
        backlog = Backlog(planned, store, 2, {}, lambda backlog: None)
        while not backlog.done():
            for trial in backlog.take().trials:
                for rung in planned.workload.rungs:
                    if rung not in backlog.outcomes.scores[trial.id]:
                        scored.append((trial.id, rung))
                        picture = np.zeros((96, 8, 8, 1), np.uint8)
                        backlog.record(Score(trial.id, 0, rung, rung, value(trial, rung), 0.5, picture))
                    if trial.id not in backlog.running:
                        break  # it ended, or a scheduler decides about it
    return scored


def planned(out, methods=("ns_gan", "wgan"), seeds=2, study="equal/wide", **settings):
    return plan(study, out=out, methods=list(methods), seeds=seeds, settings=LENGTH | settings)


def tables(out):
    """In which order methods came to a round depends on who was faster; within a method the order counts."""
    results = frames.load(out)
    rounds = results.trials().set_index("trial")["round"]
    for table in (results.trials(), results.per_trial(), results.confirmed(), results.searched("last")):
        yield table.assign(asked=table["trial"].map(rounds)).sort_values(["asked", "method"], kind="stable")


def check_equal(grown, at_once):
    for one, other in zip(tables(grown), tables(at_once), strict=True):
        pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True))


def test_a_study_grown_in_steps_is_the_study_asked_for_at_once(tmp_path):
    grown, at_once = tmp_path / "grown", tmp_path / "once"
    scored = run(planned(grown, methods=["wgan"], seeds=1, configs=2), grown)
    scored += run(planned(grown, configs=5), grown)
    scored += run(planned(grown, configs=5, images=1920), grown)
    scored += run(planned(grown, configs=7, images=1920, confirm=3), grown)
    assert len(scored) == len(set(scored)), "nothing is scored twice"
    run(planned(at_once, configs=7, images=1920, confirm=3), at_once)
    check_equal(grown, at_once)
    assert answer(frames.load(grown)) == answer(frames.load(at_once)), "the report says the same"


def test_a_bandit_goes_on_with_further_rounds(tmp_path):
    grown, at_once = tmp_path / "grown", tmp_path / "once"
    run(planned(grown, study="equal/bandit", configs=4, rounds=2), grown)
    run(planned(grown, study="equal/bandit", configs=8, rounds=4), grown)
    run(planned(at_once, study="equal/bandit", configs=8, rounds=4), at_once)
    check_equal(grown, at_once)


def test_rounds_after_a_confirmation_do_not_move_its_trials_and_the_new_best_counts(tmp_path):
    out = tmp_path / "out"
    run(planned(out, configs=1, confirm=2), out)
    before = frames.load(out).confirmed()
    run(planned(out, configs=6, rounds=6, confirm=2), out)
    results = frames.load(out)
    trials = results.trials().set_index("trial")
    assert set(trials.loc[before["trial"], "phase"]) == {"confirm"} and set(trials.loc[before["trial"], "round"]) == {6}
    for method in ("ns_gan", "wgan"):
        searched, confirmed = (rows[rows["method"] == method] for rows in (results.searched(), results.confirmed()))
        best = searched.groupby("config")["value"].median().idxmin()
        assert set(confirmed["config"]) == {best} and len(confirmed) == 2


def test_the_best_of_a_stored_study_is_confirmed_by_the_folder_alone(tmp_path):
    out, at_once = tmp_path / "out", tmp_path / "once"
    run(planned(out, configs=3), out)
    stored = stored_plan(out)
    assert stored.definition == planned(out, configs=3).definition
    assert run(stored, out) == [], "the plan of a folder has nothing new"
    run(confirming_plan(stored, 4), out)
    run(planned(at_once, configs=3, confirm=4), at_once)
    check_equal(out, at_once)
    assert len(run(confirming_plan(stored_plan(out), 6), out)) == 2 * 2 * 2, "two seeds more for two methods, two rungs"
    with pytest.raises(StudyError, match="seeds=0 must be a whole number of at least 1"):
        confirming_plan(stored, 0)


def test_some_methods_are_confirmed_first_and_the_others_later(tmp_path):
    out, at_once = tmp_path / "out", tmp_path / "once"
    run(planned(out, configs=3), out)
    run(confirming_plan(stored_plan(out), 3, methods=["wgan"]), out)
    results = frames.load(out)
    assert set(results.confirmed()["method"]) == {"wgan"} and progress(results).left == 0
    assert run(stored_plan(out), out) == [] and run(planned(out, configs=3), out) == []
    run(confirming_plan(stored_plan(out), 3, methods=["ns_gan"]), out)
    assert frames.load(out).study["phases"][0]["methods"] == ["wgan", "ns_gan"]
    run(planned(at_once, configs=3, confirm=3), at_once)
    check_equal(out, at_once)
    assert run(planned(out, configs=3, confirm=3), out) == [] and "methods" not in frames.load(out).study["phases"][0]
    with pytest.raises(StudyError, match="unknown method 'vae'; one of: ns_gan, wgan"):
        confirming_plan(stored_plan(out), 3, methods=["vae"])


def test_a_further_search_trains_new_configs_and_stops_those_that_fall_behind_all_earlier_ones(tmp_path):
    run(planned(tmp_path, configs=9, seeds=1), tmp_path)
    before = frames.load(tmp_path).trials().set_index("trial")
    larger = searching_plan(stored_plan(tmp_path), 6, scheduler="asha", seeds=1)
    assert describe_growth(stored_plan(tmp_path).definition, larger.definition) == "phase search"
    run(larger, tmp_path)
    results = frames.load(tmp_path)
    trials = results.trials().set_index("trial")
    pd.testing.assert_series_equal(trials.loc[before.index, "status"], before["status"])
    new = trials.drop(before.index)
    assert new.groupby("method").size().to_dict() == {"ns_gan": 6, "wgan": 6} and set(new["phase"]) == {"search"}
    assert not set(new["seed"]) & set(before["seed"]) and not set(new["config"]) & set(before["config"])
    first = results.scores().groupby("trial")["value"].first()  # at the first rung, where trials are stopped
    for method in ("ns_gan", "wgan"):
        asked = [*first[before.index[before["method"] == method]]]
        for trial in new.index[new["method"] == method]:
            asked.append(first[trial])
            behind = sum(score < first[trial] for score in asked) >= max(1, len(asked) // 3)
            assert (new.loc[trial, "status"] == "stopped") == behind, "among all configs asked so far"
    assert set(new["status"]) == {"stopped", "done"}
    assert run(stored_plan(tmp_path), tmp_path) == [], "the folder remembers the scheduler of the phase"


def test_a_further_search_grows_and_is_followed_by_a_confirmation_of_its_own(tmp_path):
    out, at_once = tmp_path / "out", tmp_path / "once"
    for folder, steps in ((out, (2, 5)), (at_once, (5,))):
        run(planned(folder, configs=3, confirm=2), folder)
        for configs in steps:
            run(searching_plan(stored_plan(folder), configs, name="wider", methods=["wgan"]), folder)
        run(confirming_plan(stored_plan(folder), 2), folder)
    check_equal(out, at_once)
    results = frames.load(out)
    assert [phase["name"] for phase in results.study["phases"]] == ["confirm", "wider", "confirm_2"]
    assert len(results.searched()) == 2 * 3 * 2 + 5
    best = results.searched().groupby(["method", "config"])["value"].median().groupby("method").idxmin()
    assert set(results.confirmed().set_index(["method", "config"]).index) == set(best)


def test_a_further_search_that_means_nothing_is_refused(tmp_path):
    run(planned(tmp_path, configs=2), tmp_path)
    stored = stored_plan(tmp_path)
    for settings, message in (
        ({"configs": 0}, "configs=0 must be a whole number of at least 1"),
        ({"rounds": 4}, "rounds=4 of phase 'search' are more than its configs=3"),
        ({"searcher": "best"}, "unknown searcher 'best'"),
        ({"scheduler": "halvin"}, "unknown scheduler 'halvin' .did you mean 'halving'"),
        ({"methods": ["vae"]}, "unknown method 'vae'; one of: ns_gan, wgan"),
        ({"name": "random"}, "name='random' is that of an earlier phase; take another name"),
    ):
        with pytest.raises(StudyError, match=message):
            searching_plan(stored, **{"configs": 3} | settings)
    run(searching_plan(stored, 3, scheduler="halving"), tmp_path)
    for configs, settings, message in (
        (4, {"scheduler": "halving"}, "configs of phase search in '.*' cannot grow in a round: halving has compared"),
        (2, {"scheduler": "halving"}, "configs=2 is fewer than the configs=3 of phase search"),
        (3, {"scheduler": "asha"}, "phase 'search' has scheduler 'halving', not 'asha'; take another name"),
        (3, {"searcher": "sobol"}, "phase 'search' has searcher 'random', not 'sobol'; take another name"),
    ):
        with pytest.raises((StoreError, StudyError), match=message):
            united_plan(searching_plan(stored_plan(tmp_path), configs, **settings), tmp_path)
    with pytest.raises(StoreError, match=r"images of '.*' cannot grow: scheduler halving"):
        united_plan(planned(tmp_path, configs=2, images=1920), tmp_path)


def test_several_configs_of_each_method_are_confirmed(tmp_path):
    out = tmp_path / "out"
    run(planned(out, configs=4, seeds=1), out)
    run(confirming_plan(stored_plan(out), 2, top=3), out)
    confirmed = frames.load(out).confirmed()
    assert confirmed.groupby("method")["config"].nunique().to_dict() == {"ns_gan": 3, "wgan": 3}
    assert len(confirmed) == 2 * 3 * 2


def test_a_folder_of_an_older_version_grows(tmp_path, recorded):
    """The recorded study was stored before trials had phases."""
    results = frames.load(recorded)
    trials, definition = results.trials(), results.study
    with open_store(recorded) as store:
        store.begin({**definition, "seeds": definition["seeds"] + 1})
    again = frames.load(recorded)
    assert again.study["seeds"] == definition["seeds"] + 1
    pd.testing.assert_frame_equal(again.trials(), trials)


def test_a_folder_goes_on_under_the_names_that_it_has_for_its_searchers(tmp_path):
    """It was begun when the searcher `defaults` was called `points` and definitions stated no facts."""
    begun = planned(tmp_path, study="equal/defaults", seeds=1)
    definition = {key: value for key, value in begun.definition.items() if key not in UNSTATED} | {"searcher": "points"}
    run(begun._replace(definition=definition, phases=(begun.phases[0]._replace(name="points"),)), tmp_path)
    assert run(planned(tmp_path, study="equal/defaults", seeds=1), tmp_path) == []
    assert run(planned(tmp_path, study="equal/defaults", seeds=2, confirm=2), tmp_path)
    assert run(stored_plan(tmp_path), tmp_path) == []
    results = frames.load(tmp_path)
    assert results.trials().groupby("phase", sort=False).size().to_dict() == {"points": 2 * 2, "confirm": 2 * 2}
    assert results.study["searcher"] == "points" and results.exchangeable() and len(results.confirmed()) == 4


# Folders of one study joined: the new folder holds all of both, or there is none


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"methods": ["wgan"]}, {"methods": ["ns_gan"]}),
        ({"methods": ["wgan"], "configs": 3, "seeds": 1}, {"methods": ["ns_gan"], "configs": 2, "seeds": 2}),
        ({"configs": 1}, {"configs": 3}),
        ({"seeds": 1, "images": 1920}, {"seeds": 3}),
        ({"methods": ["wgan"], "confirm": 2}, {"methods": ["ns_gan"], "confirm": 2}),
    ],
)
def test_merged_folders_continue_to_the_study_asked_for_at_once(tmp_path, first, second):
    """Nothing that either of them has is trained again; what neither has, such as new seeds of old configs, is."""
    out, at_once, scored = tmp_path / "merged", tmp_path / "once", set()
    first, second = {"configs": 2} | first, {"configs": 2} | second
    for name, size in (("a", first), ("b", second)):
        scored |= set(run(planned(tmp_path / name, **size), tmp_path / name))
    merging.merge([tmp_path / "a", tmp_path / "b"], out)
    assert not scored & set(run(stored_plan(out), out))
    numbers = (first.keys() | second.keys()) - {"methods"}
    largest = {name: max(size.get(name, 0) for size in (first, second)) for name in numbers}
    run(planned(at_once, **largest), at_once)
    check_equal(out, at_once)


def test_the_history_of_both_comes_along_and_the_merged_folder_grows(tmp_path):
    for name, methods in (("a", ["wgan"]), ("b", ["ns_gan"])):
        run(planned(tmp_path / name, methods=methods, configs=1), tmp_path / name)
        run(planned(tmp_path / name, methods=methods, configs=2), tmp_path / name)
        (tmp_path / name / "log.txt").write_text(f"a line of {name}\n")
        with open_store(tmp_path / name) as store:
            store.add_environment({"host": name})
            row = {
                "kind": "untrained",
                "source": "mlp",
                "draw": 0,
                "metric": "fd_digits",
                "value": float(len(methods[0])),
            }
            store.add_baselines([row | {"protocol": store.study()["protocol"]}])
    out = merging.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "new" / "merged")
    results = frames.load(out)
    assert list(results.environments()["host"]) == ["a", "b"]
    assert list(results.baselines()["value"]) == [4.0], "of untrained generators those of the first folder"
    definitions = results.tables()["definitions"]
    assert [row["configs"] for row in definitions["definition"]].count(1) == 1
    assert "a line of a\nlog of b:\na line of b" in (out / "log.txt").read_text()
    scores = {frame["value"].sum() for frame in (frames.load(tmp_path / name).scores() for name in "ab")}
    assert results.scores()["value"].sum() == pytest.approx(sum(scores))
    assert len(run(confirming_plan(stored_plan(out), 3), out)) == 2 * 3 * 2


def test_a_trial_of_both_is_there_once_with_the_generator_of_its_lowest_score(tmp_path):
    kept = {"a": 640, "b": 1280}
    for name, rung in kept.items():
        plan = planned(tmp_path / name, methods=["wgan"], configs=1, seeds=1)
        run(plan, tmp_path / name)
        (trial,) = frames.load(tmp_path / name).trials()["trial"]
        home = tmp_path / name / "generators" / trial
        home.mkdir(parents=True)
        (home / f"{rung}.safetensors").write_bytes(name.encode())
        (home / f"{rung}.json").write_text("{}")
        with open_store(tmp_path / name) as store:
            store.add_generators([{"trial": trial, "rung": rung, "bytes": 1, "kept": True}])
    out = merging.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "merged")
    results = frames.load(out)
    lowest = results.lowest()
    assert len(lowest) == 1
    (file,) = (out / "generators" / trial).glob("*.safetensors")
    assert file.stem == str(lowest["rung"].iloc[0]) and str(file) == results.generators()["path"].iloc[0]


@pytest.mark.parametrize("newest", ["a", "b"])
def test_of_a_trial_in_training_the_checkpoint_with_most_cycles_comes_along(tmp_path, newest):
    for name in "ab":
        out = tmp_path / name
        run(planned(out, methods=["wgan"], configs=2, seeds=1), out)
        longer = united_plan(planned(out, methods=["wgan"], configs=2, seeds=1, images=1920), out)
        with open_store(out) as store:  # asked for and not yet trained
            store.begin(longer.definition)
        trial, other = frames.load(out).trials()["trial"]
        cycle = 10 if name == newest else 9
        save_checkpoint(str(out / "checkpoints"), trial, cycle, {"cycle": np.asarray(cycle)})
    early = tmp_path / "a" / "checkpoints" / other / "7"  # a folder, as of earlier versions
    early.mkdir(parents=True)
    (early / "array").write_bytes(b"1")
    out = merging.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "merged")
    assert [path.name for path in (out / "checkpoints" / trial).iterdir()] == ["10.safetensors"]
    assert load_checkpoint(str(out / "checkpoints"), trial)["cycle"] == 10
    assert (out / "checkpoints" / other / "7" / "array").read_bytes() == b"1"


def test_a_generator_whose_file_is_gone_is_not_kept_in_the_merged_folder(tmp_path):
    for name, method in (("a", "wgan"), ("b", "ns_gan")):
        run(planned(tmp_path / name, methods=[method], configs=1, seeds=1), tmp_path / name)
        with open_store(tmp_path / name) as store:
            trial = store.trials()[0]["trial"]
            store.add_generators([{"trial": trial, "rung": 640, "bytes": 1, "kept": True}])
    out = merging.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "merged")
    assert frames.load(out).generators().empty


def failed(folder, cause):
    """A sweep of one trial that failed before its first score."""
    plan = planned(folder, methods=["wgan"], configs=1, seeds=1)
    with open_store(folder) as store:
        store.begin(plan.definition)
        store.add_protocol(plan.protocol.fingerprint, plan.protocol.describe())
        backlog = Backlog(plan, store, 1, {}, lambda backlog: None)
        (trial,) = backlog.take().trials
        row = {"trial": trial.id, "attempt": 0, "cause": cause, "rung": None, "step": 3, "message": "", "detail": ""}
        store.add_failure(row | {"final": True})


def test_a_trial_lost_in_one_folder_and_done_in_the_other_is_done_and_its_failure_stays_as_a_row(tmp_path):
    failed(tmp_path / "a", "lost")
    run(planned(tmp_path / "b", methods=["wgan"], configs=1, seeds=1), tmp_path / "b")
    out = merging.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "merged")
    results = frames.load(out)
    assert list(results.trials()["status"]) == ["done"] and run(stored_plan(out), out) == []
    assert list(results.failures()["cause"]) == ["lost"] and not results.failures()["final"].any()


def test_folders_that_disagree_are_refused_in_a_line_and_nothing_is_written(tmp_path):
    base = {"methods": ["wgan"], "configs": 1, "seeds": 1}
    for name, words in (("a", {}), ("b", {}), ("seed", {"samples": 90}), ("other", {"z_dim": 8})):
        run(planned(tmp_path / name, **base | words), tmp_path / name)
    failed(tmp_path / "diverged", "diverged")
    with open_store(tmp_path / "b") as store:
        store._db.execute("UPDATE scores SET value = value + 1")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    before = sorted(tmp_path.rglob("*"))
    for sources, into, sentence in (
        (
            "ab",
            "new",
            r"'.*a' and '.*b' cannot be merged: scores of trial .*, rung 640, .*: value is .*, not .* in '.*b'",
        ),
        (("a", "diverged"), "new", "diverged in '.*diverged', and went on in another folder"),
        (("a", "seed"), "new", "their scores do not compare: samples is 797, not 90"),
        (("a", "other"), "new", "holds another study: .*z_dim"),
        (("a", "a"), "new", "two or more different output folders"),
        (("a",), "new", "two or more"),
        (("a", "nowhere"), "new", "no results in '.*nowhere'"),
        (("a", "other"), "full", "full' is not an empty folder"),
    ):
        with pytest.raises(StoreError, match=sentence) as refused:
            merging.merge([tmp_path / name for name in sources], tmp_path / into)
        assert "\n" not in str(refused.value) and "{" not in str(refused.value)
    with open_store(tmp_path / "a"), pytest.raises(StoreError, match=r"a sweep runs in '.*a'"):
        merging.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "new")
    assert sorted(path for path in tmp_path.rglob("*") if "-wal" not in path.name and "-shm" not in path.name) == before


def test_a_merge_that_is_interrupted_leaves_nothing(tmp_path, monkeypatch):
    for name, method in (("a", "wgan"), ("b", "ns_gan")):
        run(planned(tmp_path / name, methods=[method], configs=1, seeds=1), tmp_path / name)

    def interrupt(*folders):
        raise KeyboardInterrupt

    monkeypatch.setattr(merging, "_copy_samples", interrupt)
    with pytest.raises(KeyboardInterrupt):
        merging.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]

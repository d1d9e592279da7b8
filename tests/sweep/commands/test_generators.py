"""`ganscape best` and `ganscape sample` on a small sweep that was trained for them."""

import numpy as np
import pytest

from ganscape import data
from ganscape.results import frames
from ganscape.results.live import progress
from ganscape.results.report import render
from ganscape.results.store import open_store
from ganscape.sweep import pictures
from ganscape.sweep.backlog import Backlog
from ganscape.sweep.commands import generators
from ganscape.sweep.driver import with_generators
from ganscape.sweep.keeping import Keep
from ganscape.sweep.measuring.evaluation import GRID, WALK, evaluator
from ganscape.sweep.plan import plan
from ganscape.sweep.rescoring import rescore
from ganscape.sweep.trial import train

SETTINGS = {"configs": 1, "images": 1280, "interval": 640, "samples": 100, "architecture": "mlp"}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A finished sweep of one config with three seeds, of which the best one's generator is kept."""
    out = tmp_path_factory.mktemp("swept") / "out"
    keep = Keep(1, 1)
    planned = with_generators(plan("equal/wide", out=out, methods=["vae"], seeds=3, settings=SETTINGS), keep, out)
    with open_store(out) as store:
        store.begin(planned.definition)
        store.add_protocol(planned.protocol.fingerprint, planned.protocol.describe())
        backlog = Backlog(planned, store, 1, {}, lambda backlog: None, keep=keep)
        scoring = evaluator("fd_digits", planned.workload.dataset.test, planned.workload.samples)
        while not backlog.done():
            train(backlog.take(), planned.workload, scoring, backlog.record)
    return out


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """JAX is loaded already: the variables that a worker has would only leak into other tests."""
    monkeypatch.setattr(generators, "_compute_like_a_worker", lambda results: None)


def trials(swept):
    """Ids and rungs of the lowest scores, the best trial first."""
    lowest = frames.load(swept).lowest()
    return list(zip(lowest["trial"], lowest["rung"], strict=True))


def is_what_was_scored(swept, trial, rung, images, tmp_path):
    pictures.save_grid(tmp_path / "again.png", images[:GRID], WALK)
    return (tmp_path / "again.png").read_bytes() == (swept / "samples" / trial / f"{rung}.png").read_bytes()


def test_the_best_trial_is_shown_with_its_settings_the_spread_of_its_seeds_and_its_generator(swept, ganscape):
    result = ganscape("best", swept, "--top", 2)
    assert result.exit_code == 0, result.output
    (first, rung), (second, _), _ = trials(swept)
    assert first in result.output and second in result.output and "over 3 seeds" in result.output
    assert str(swept / "generators" / first / f"{rung}.safetensors") in result.output
    assert "not kept; ganscape sample --retrain" in result.output and "architecture=mlp" in result.output


def test_the_winner_s_first_images_are_those_that_were_scored(swept, ganscape, tmp_path):
    result = ganscape("sample", swept, "--count", 150, "--to", tmp_path / "images.npz")
    assert result.exit_code == 0, result.output
    with np.load(tmp_path / "images.npz") as file:
        images = file["images"]
    assert images.shape == (150, 8, 8, 1) and images.dtype == np.uint8
    assert is_what_was_scored(swept, *trials(swept)[0], images, tmp_path)


def test_pictures_in_a_folder_are_the_same_images(swept, ganscape, tmp_path):
    for target in ("images.npz", "folder"):
        assert ganscape("sample", swept, "--count", 11, "--seed", 3, "--to", tmp_path / target).exit_code == 0
    from ganscape.data.images import read_images

    with np.load(tmp_path / "images.npz") as file:
        assert np.array_equal(file["images"], read_images(tmp_path / "folder"))
    assert sorted(file.name for file in (tmp_path / "folder").iterdir())[:2] == ["00.png", "01.png"]


def test_a_trial_that_was_not_kept_is_refused_with_its_cost_and_trained_again_to_the_same_images(
    swept, ganscape, refused, tmp_path
):
    trial, rung = trials(swept)[2]
    words = ("sample", swept, "--trial", trial[:6], "--to", tmp_path / "images.npz")
    refused(ganscape(*words), f"trial {trial} (vae) was not kept; --retrain", f"{rung:,} images")
    assert not (tmp_path / "images.npz").exists()
    result = ganscape(*words, "--retrain")
    assert result.exit_code == 0, result.output
    with np.load(tmp_path / "images.npz") as file:
        assert is_what_was_scored(swept, trial, rung, file["images"], tmp_path)
    assert trial in set(frames.load(swept).generators()["trial"]), "it is kept from now on"


def test_what_cannot_be_sampled_is_refused_in_one_line_and_nothing_is_written(swept, ganscape, refused, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "mine.png").write_bytes(b"a picture")
    new = tmp_path / "new"
    for words, sentence in (
        (("--to", tmp_path / "pictures"), "pictures' is not an empty folder; nothing is overwritten"),
        (("--to", tmp_path / "a.gif"), "name a .npz file, or a folder"),
        (("--to", new, "--trial", ""), "is ambiguous: "),
        (("--to", new, "--trial", "zzz"), "trial 'zzz' is none of the 3 trials"),
        (("--to", new, "--method", "wgan"), "unknown method 'wgan'; one of: vae"),
        (("--to", new, "--method", "vae", "--trial", "a"), "name two things"),
        (("--to", new, "--class", 3), "class 3 of a generator without classes"),
    ):
        refused(ganscape("sample", swept, *words), sentence)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures"]


def test_a_damaged_generator_is_named(swept, ganscape, refused, tmp_path):
    (trial, rung), *_ = trials(swept)
    path = swept / "generators" / trial / f"{rung}.safetensors"
    content = path.read_bytes()
    try:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        refused(ganscape("sample", swept, "--to", tmp_path / "a.npz"), f"{rung}.safetensors' is damaged", "--retrain")
        path.unlink()
        refused(ganscape("sample", swept, "--to", tmp_path / "a.npz"), "is missing; --retrain trains it again")
        path.write_bytes(content[:100])
        result = ganscape("sample", swept, "--to", tmp_path / "a.npz", "--retrain")
        assert result.exit_code == 0, result.output
        assert path.read_bytes()[-1000:] == content[-1000:], "the same weights"
    finally:
        path.write_bytes(content)


def test_a_folder_of_before_generators_were_kept_says_so(recorded, ganscape, refused, tmp_path):
    result = ganscape("best", recorded)
    assert result.exit_code == 0 and "not kept" in result.output
    refused(ganscape("sample", recorded, "--to", tmp_path / "images.npz"), "was not kept; --retrain trains it again")


def test_kept_generators_are_scored_by_further_metrics_which_change_nothing_of_the_sweep(swept, ganscape):
    before, kept = frames.load(swept), len(frames.load(swept).generators())
    words = ("rescore", swept, "--metric", "kid_digits,recall_digits", "--samples", 80, "--draws", 2)
    result = ganscape(*words)
    assert result.exit_code == 0 and f"{4 * kept} scores stored" in result.output, result.output
    after = frames.load(swept)
    assert len(after.scores()) == len(before.scores()) + 4 * kept
    for frame in ("per_trial", "costs", "lowest", "rungs", "trials"):
        assert getattr(after, frame)().equals(getattr(before, frame)()), frame
    assert after.scored_at() == before.scored_at() and progress(after).counts == progress(before).counts
    assert "0 scores stored" in ganscape(*words).output, "what is there is not computed again"
    shown, page = ganscape("best", swept).output, render(after)
    for text in (shown, page):
        assert "recall_digits 0" in text and "of 80 samples, the mean of 2 draws (" in text
    assert ganscape("export", swept, swept / "scores.csv").exit_code == 0
    assert "recall_digits" in (swept / "scores.csv").read_text()


def test_the_sweep_s_own_metric_and_samples_are_what_is_stored_already(swept, ganscape):
    assert "0 scores stored" in ganscape("rescore", swept, "--metric", "fd_digits").output


def test_more_samples_of_the_sweep_s_own_metric_are_another_score(swept):
    results = frames.load(swept)
    scores = []
    rescore(results, ["fd_digits"], data.load("digits"), samples=150, observe=lambda *score: scores.append(score))
    assert {trial for trial, *_ in scores} == set(results.generators()["trial"])
    assert frames.load(swept).per_trial().equals(results.per_trial())


def test_what_cannot_be_scored_again_is_refused_before_anything_is_computed(swept, recorded, ganscape, refused):
    before = frames.load(swept).scores()
    for words, sentence in (
        (("--metric", "kid_mnist"), "mnist"),
        (("--metric", "kid_digits,nonsense"), "unknown metric 'nonsense'"),
        (("--metric", "kid_digits", "--samples", 10**7), "samples=10000000 is more than 1,000,000"),
        (("--metric", "density_digits", "--samples", 5), "density_digits needs at least 6 samples, not 5"),
    ):
        refused(ganscape("rescore", swept, *words), sentence)
    (trial, rung), *_ = trials(swept)
    path = swept / "generators" / trial / f"{rung}.safetensors"
    path.rename(path.with_suffix(".away"))
    try:
        refused(ganscape("rescore", swept, "--metric", "kid_digits"), "there is no such file")
    finally:
        path.with_suffix(".away").rename(path)
    assert frames.load(swept).scores().equals(before)
    refused(ganscape("rescore", recorded, "--metric", "kid_digits"), "keeps no generators")

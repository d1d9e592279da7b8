import numpy as np
import pandas as pd
import pytest

from ganscape.results import frames
from ganscape.results.lottery import (
    COLUMNS,
    DRAWS_FILE,
    NothingToSplitError,
    describe_split,
    read_draws,
    split_variance,
    write,
)
from ganscape.results.page import tables


def scores(values, method="ns_gan"):
    """A table of values [configs, seeds, draws]."""
    rows = [
        {"trial": f"{config}{seed}", "method": method, "config": f"c{config}", "seed": seed, "rung": 640, "draw": draw,
         "value": values[config][seed][draw]}
        for config, seed, draw in np.ndindex(np.shape(values))
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


BY_HAND = np.array([[[0.0, 2.0], [2.0, 4.0]], [[4.0, 6.0], [6.0, 8.0]]])


def test_scores_that_are_not_all_positive_are_split_as_they_are():
    (row,) = split_variance(scores(BY_HAND)).to_dict("records")
    assert (row["configs"], row["seeds"], row["draws"], row["scale"]) == (2, 2, 2, "score")
    found = [row[name] for name in ("configs_sd", "seeds_sd", "draws_sd", "ratio")]
    np.testing.assert_allclose(found, [np.sqrt(7.0), 1.0, np.sqrt(2.0), np.sqrt(0.5)])


def test_positive_scores_are_split_on_the_logarithmic_scale():
    (row,) = split_variance(scores(np.exp(BY_HAND))).to_dict("records")
    assert row["scale"] == "log"
    np.testing.assert_allclose(row["configs_sd"], np.sqrt(7.0))


def test_a_config_with_a_missing_seed_does_not_count():
    table = scores(np.concatenate([BY_HAND, BY_HAND[:1] + 100.0]))
    (row,) = split_variance(table[~((table["config"] == "c2") & (table["seed"] == 1))]).to_dict("records")
    assert row["configs"] == 2
    np.testing.assert_allclose(row["configs_sd"], np.sqrt(7.0))


def test_what_cannot_be_split_is_told_in_one_line():
    with pytest.raises(NothingToSplitError, match=r"method ns_gan: 1 configs with generators of 2 seeds.*--keep all"):
        split_variance(scores(BY_HAND[:1]))


def test_scores_are_written_with_every_bit(tmp_path):
    table = write(scores(BY_HAND / 3.0).to_dict("records"), tmp_path / "draws.csv")
    assert pd.read_csv(tmp_path / "draws.csv")["value"].tolist() == table["value"].tolist()


CONFIGS, DRAWS = 10.0 * np.arange(3.0)[:, None, None], np.array([0.0, 1.0, -1.0])
APART = CONFIGS + np.arange(4.0)[:, None] + 0.01 * DRAWS
ALIKE = CONFIGS + np.zeros((4, 1)) + DRAWS  # seeds without an effect of their own


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (APART, ", so the seed matters more."),
        (ALIKE, ", so the samples matter more."),
        (BY_HAND, ", which does not tell which of them matters more."),
    ],
    ids=["more", "less", "untold"],
)
def test_a_seed_is_said_to_move_a_score_more_than_samples_only_outside_of_luck(values, words):
    (sentence,) = describe_split(split_variance(scores(values)))
    assert sentence.startswith("ns_gan: another training seed moves a score ") and sentence.endswith(words)


def test_the_page_shows_the_split_of_a_sweep_whose_generators_were_scored_again(build):
    folder = build({"ns_gan": [[3.0], [5.0]]})
    assert tables.variance_split(frames.load(folder)) is None
    write(scores(np.exp(BY_HAND)).to_dict("records"), folder / DRAWS_FILE)
    (row,) = tables.variance_split(frames.load(folder))["rows"]
    assert (row["method"], row["scale"]) == ("ns_gan", "log")
    np.testing.assert_allclose(row["configs_sd"], np.sqrt(7.0))


@pytest.mark.parametrize("text", ["", "trial,method\na,b", "\x00\x01", "one sample"])
def test_a_file_that_is_no_table_of_draws_is_no_split(tmp_path, text):
    (tmp_path / DRAWS_FILE).write_text(text, encoding="utf-8")
    assert read_draws(tmp_path) is None
    table = scores(BY_HAND)
    write([*table.to_dict("records"), table.to_dict("records")[0]], tmp_path / DRAWS_FILE)
    assert read_draws(tmp_path) is None


def test_a_split_that_takes_more_seeds_leaves_the_page_without_one(build):
    folder = build({"ns_gan": [[3.0], [5.0]]})
    write(scores(BY_HAND[:1]).to_dict("records"), folder / DRAWS_FILE)
    assert tables.variance_split(frames.load(folder)) is None

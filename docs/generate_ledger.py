"""Writes the ledger of docs/tricks.md: `make docs`.

What papers report is data here, beside whether the number was found in the source that is named; what recorded studies
of the package say is computed from their stores.
"""

import functools
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganscape.results import frames
from ganscape.results.claims.estimates import estimate_mean
from ganscape.results.claims.evidence import NotTestable, log_ratios, scores_of_fixed_settings
from ganscape.results.importance import importance
from ganscape.results.statistics import difference_of_means

PAGE = Path(__file__).with_name("tricks.md")
BEGIN, END = "<!-- made by docs/generate_ledger.py from here -->", "<!-- to here -->"
NOT_CONFIRMED = "number not confirmed"
LEVEL = 0.95
# Folders of landscape/reg-norm, in which methods share their settings.
RECORDED = {"mnist16": "landscape_reg_norm_mnist16", "digits": "landscape_reg_norm_digits"}
SCHEDULES = "schedules_digits"  # in which methods share their learning rates
ALONE = "tricks_alone_mnist16_5k"  # in which each trick stands beside "plain"
TOGETHER = "tricks_digits"  # random combinations of all tricks; the first config of each method has them off
COMPLETION = "completion_digits"  # in which every method has one config
GAMES = {"ns": "non-saturating", "wgan_gp": "WGAN-GP", "hinge_sn": "hinge with spectral norm"}

load = functools.cache(frames.recorded)


class Entry(NamedTuple):
    """A trick of the ledger.

    reported: what its paper, or another that is named, says. methods: its method and the one without it, in
    landscape/reg-norm; schedule: its name in the study schedules; alone: its method in the study tricks/alone;
    completion: as methods, in the study completion. None where no recorded study has it.
    """

    name: str
    reported: str
    methods: tuple[str, str] | None = None
    schedule: str | None = None
    alone: str | None = None
    completion: tuple[str, str] | None = None


def _paper(words: str, number: str) -> str:
    return f"[{words}](https://arxiv.org/abs/{number})"


_SUMMARY = "https://www.rohan-paul.com/p/the-gan-is-dead-long-live-the-gan"
_MIMICRY = "[mimicry](https://github.com/kwotsin/mimicry)"
LEDGER = (
    Entry(
        "`spectral_norm` of D",
        f"FID 21.7 on CIFAR10 with residual networks ({_paper('Miyato et al. 2018', '1802.05957')}); 16.77, where a "
        f"gradient penalty has 22.29 ({_MIMICRY})",
        ("ns_sn", "ns"),
    ),
    Entry(
        "`wgangp` with the non-saturating loss",
        f"helps, {NOT_CONFIRMED} ({_paper('Kurach et al. 2019', '1807.04720')})",
        ("ns_gp", "ns"),
    ),
    Entry(
        "`dragan_v2`",
        f"more stable, {NOT_CONFIRMED} ({_paper('Kodali et al. 2017', '1705.07215')})",
        ("ns_dragan", "ns"),
    ),
    Entry(
        "`l2` of D",
        f"worse than other penalties, {NOT_CONFIRMED} ({_paper('Kurach et al. 2019', '1807.04720')})",
        ("ns_l2", "ns"),
    ),
    Entry(
        "`batch_norm` of D",
        f"hurts, {NOT_CONFIRMED} ({_paper('Kurach et al. 2019', '1807.04720')})",
        ("ns_bn", "ns"),
    ),
    Entry(
        "`layer_norm` of D",
        f"helps with some networks, {NOT_CONFIRMED} ({_paper('Kurach et al. 2019', '1807.04720')})",
        ("ns_ln", "ns"),
    ),
    Entry(
        "`projection` of classes",
        f"FID 10.84 on CIFAR10, where the same networks without classes have 16.77 ({_MIMICRY})",
        alone="class_projection",
    ),
    Entry(
        "`relativistic` with `r1+r2`",
        "with the networks `r3gan` FID 2.75 on FFHQ at 256x256, StyleGAN2 3.78; 1,000 of 1,000 modes of stacked MNIST "
        f"({_paper('Huang et al. 2024', '2501.05441')}, by a [summary]({_SUMMARY}))",
        alone="relativistic_r1_r2",
    ),
    Entry(
        "`learning_rate_schedule=linear`",
        f"used without a comparison ({_paper('Miyato et al. 2018', '1802.05957')})",
        schedule="linear",
    ),
    Entry(
        "`learning_rate_schedule=cosine`",
        f"used without a comparison ({_paper('Huang et al. 2024', '2501.05441')})",
        schedule="cosine",
    ),
    Entry(
        "`diffaugment`",
        "FID lower by a factor of 2 to 4 with 1,000 training images "
        f"({_paper('Zhao et al. 2020', '2006.10738')}, abstract)",
        alone="diffaugment",
    ),
    Entry(
        "`packing=2`",
        f"fewer lost modes, {NOT_CONFIRMED} ({_paper('Lin et al. 2018', '1712.04086')})",
        alone="packing",
    ),
    Entry(
        "`minibatch_stddev`",
        f"more variation, {NOT_CONFIRMED} ({_paper('Karras et al. 2018', '1710.10196')})",
        alone="minibatch_stddev",
    ),
    Entry(
        "`minibatch_discrimination`",
        f"fewer lost modes, {NOT_CONFIRMED} ({_paper('Salimans et al. 2016', '1606.03498')})",
        alone="minibatch_discrimination",
    ),
    Entry(
        "`averaging=ema`",
        f"lower FID, {NOT_CONFIRMED} ({_paper('Yazici et al. 2019', '1806.04498')})",
        alone="ema",
    ),
    Entry(
        "`averaging=uniform`",
        f"lower FID, {NOT_CONFIRMED} ({_paper('Yazici et al. 2019', '1806.04498')})",
        alone="uniform_average",
    ),
    Entry(
        "`historical_averaging`",
        f"finds the equilibria of simple games, no score ({_paper('Salimans et al. 2016', '1606.03498')})",
        alone="historical_averaging",
    ),
    Entry(
        "`label_smoothing=one_sided`",
        f"more stable, {NOT_CONFIRMED} ({_paper('Salimans et al. 2016', '1606.03498')})",
        alone="smoothed_labels",
    ),
    Entry(
        "`instance_noise`",
        f"more stable, {NOT_CONFIRMED} ({_paper('Sonderby et al. 2017', '1610.04490')})",
        alone="instance_noise",
    ),
    Entry(
        "`unrolled_steps=3`",
        f"fewer lost modes, {NOT_CONFIRMED} ({_paper('Metz et al. 2017', '1611.02163')})",
        alone="unrolled",
    ),
    Entry("`attention`", f"lower FID on ImageNet, {NOT_CONFIRMED} ({_paper('Zhang et al. 2019', '1805.08318')})"),
    Entry(
        "`convolution=gated`, completing images",
        f"fewer visible seams, {NOT_CONFIRMED} ({_paper('Yu et al. 2019', '1806.03589')})",
        completion=("gan_l1", "plain_convolutions"),
    ),
    Entry(
        "`refinements=1`, coarse to fine",
        f"trains more stably, {NOT_CONFIRMED} ({_paper('Yu et al. 2018', '1801.07892')})",
        completion=("two_networks", "gan_l1"),
    ),
    Entry(
        "the game beside `pair_loss=l1`",
        f"sharper than L1 alone, {NOT_CONFIRMED} ({_paper('Isola et al. 2017', '1611.07004')})",
        completion=("gan_l1", "l1"),
    ),
    Entry(
        "`pair_loss=l1` beside the game",
        f"fewer artefacts than the game alone, {NOT_CONFIRMED} ({_paper('Isola et al. 2017', '1611.07004')})",
        completion=("gan_l1", "gan"),
    ),
    Entry(
        "`perceptual` beside both",
        f"sharper details, {NOT_CONFIRMED} ({_paper('Johnson et al. 2016', '1603.08155')})",
        completion=("gan_perceptual", "gan_l1"),
    ),
    Entry(
        "`style` beside both",
        f"textures of an example, {NOT_CONFIRMED} ({_paper('Johnson et al. 2016', '1603.08155')})",
        completion=("gan_style", "gan_l1"),
    ),
    Entry(
        "`generator_noise=dropout`, in sampling too",
        f"outputs that vary a little, no score ({_paper('Isola et al. 2017', '1611.07004')})",
        completion=("dropout", "gan_l1"),
    ),
)


def describe_recorded(entry: Entry) -> str:
    """Returns the ratio of scores with and without a trick in each recorded study that has both, with its interval."""
    if entry.schedule is not None:
        return describe_schedule(entry.schedule)
    if entry.completion is not None:
        return describe_completion(*entry.completion)
    if entry.alone is not None:
        return describe_shared_settings({"mnist16_5k": ALONE}, entry.alone, "plain")
    return describe_shared_settings(RECORDED, *entry.methods) if entry.methods else "not run"


def describe_shared_settings(recorded: dict[str, str], one: str, other: str) -> str:
    """Returns the ratio of the scores of two methods at equal settings; recorded: a folder for each name of data."""
    words = []
    for data, name in recorded.items():
        try:
            scores = scores_of_fixed_settings(load(name), (one, other), keep_failed=True)
            ratios = log_ratios(scores, one, other)
        except NotTestable:
            continue
        words.append(f"{data}: {describe_ratio(ratios)}, {len(ratios)} settings")
    return "; ".join(words) or "not run"


def describe_ratio(ratios: np.ndarray) -> str:
    """Returns the geometric mean of ratios, given by their logarithms, with its interval."""
    estimate = estimate_mean(ratios)
    return describe_interval(estimate.value, *estimate.interval(LEVEL))


def describe_interval(value: float, low: float, high: float) -> str:
    """Returns a ratio and its interval, given by their logarithms, and whether the interval leaves out 1."""
    words = "{:.2g} ({:.2g} to {:.2g})".format(*map(math.exp, (value, low, high)))
    return words if low > 0 or high < 0 else f"{words}, not told from 1"


def describe_schedule(schedule: str) -> str:
    """Returns the ratio of scores at the end of training with a schedule and with a constant rate, for each game."""
    results, words = load(SCHEDULES), []
    for game, name in GAMES.items():
        ratios = ratios_at_equal_rates(results, f"{game}_{schedule}", f"{game}_constant")
        words.append(f"{name}, digits: {describe_ratio(ratios)}, {len(ratios)} rates")
    return "; ".join(words)


def describe_completion(one: str, other: str) -> str:
    """Returns the ratio of the scores of two ways to complete images, geometric means of their seeds, with Welch's
    interval."""
    trials = load(COMPLETION).per_trial()
    logs = [np.log(trials.loc[trials["method"] == method, "value"].to_numpy(np.float64)) for method in (one, other)]
    return f"digits with holes: {describe_interval(*difference_of_means(*logs, LEVEL))}, {len(logs[0])} seeds each"


def describe_combinations() -> str:
    """Returns why the study of all tricks at once tells nothing of single ones, and how combinations do."""
    results = load(TOGETHER)
    trials, reason = results.per_trial(), importance(results).reason
    off = trials.groupby("method", sort=False).nth(0)
    drawn = trials.drop(off.index).merge(off[["method", "value"]], on="method", suffixes=("", "_off"))
    lower, failed = int((drawn["value"] < drawn["value_off"]).sum()), int(np.isinf(drawn["value"]).sum())
    scores = " and ".join(f"{row.value:.0f} (`{row.method}`)" for row in off.itertuples())
    noise = results.baselines().query("kind == 'noise'")["value"].mean()
    return (
        f'`results.recorded("{TOGETHER}")` has {len(trials)} configs of 8x8 digits, all but the first of each method\n'
        f"random combinations of all tricks. They tell nothing of single tricks: {reason}.\nWithout tricks the score "
        f"is {scores};\nof {len(drawn)} combinations {lower} score lower than their method without, and {failed} fail. "
        f"Noise with the moments of real images scores {noise:.0f}."
    )


def ratios_at_equal_rates(results: frames.Results, one: str, other: str) -> np.ndarray:
    """Returns log(score of one method / score of another) for each initial learning rate, the means of logs over seeds.

    A failed trial counts as the worst score of the study.
    """
    trials = results.per_trial("last")
    values = trials["value"].clip(upper=trials["value"][np.isfinite(trials["value"])].max())
    rates = trials["config"].map(lambda config: results.settings(config)["g_lr"])
    means = np.log(values.astype(float)).groupby([trials["method"], rates]).mean()
    return (means[one] - means[other]).dropna().to_numpy()


def make_table() -> str:
    """Returns the ledger as Markdown."""
    rows = [f"| {entry.name} | {entry.reported} | {describe_recorded(entry)} |" for entry in LEDGER]
    return "\n".join(["| trick | reported to help | what our recorded sweeps found |", "| --- | --- | --- |", *rows])


def replace_table(text: str) -> str:
    """Returns the page with its ledger made again, and what combinations of tricks tell below it."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{make_table()}\n\n{describe_combinations()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(replace_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

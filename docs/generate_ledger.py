"""Writes the ledger of docs/tricks.md: `make docs`.

What papers report is data here, beside whether the number was found in the source that is named; what recorded studies
of the package say is computed from their stores.
"""

import math
from pathlib import Path
from typing import NamedTuple

from ganscape.results import frames
from ganscape.results.claims.estimates import estimate_mean
from ganscape.results.claims.evidence import NotTestable, log_ratios, scores_of_fixed_settings

PAGE = Path(__file__).with_name("tricks.md")
BEGIN, END = "<!-- made by docs/generate_ledger.py from here -->", "<!-- to here -->"
NOT_CONFIRMED = "number not confirmed"
LEVEL = 0.95
# Folders of landscape/reg-norm, in which methods share their settings.
RECORDED = {"mnist16": "landscape_reg_norm_mnist16", "digits": "landscape_reg_norm_digits"}


class Entry(NamedTuple):
    """A trick of the ledger.

    reported: what its paper, or another that is named, says. methods: its method and the one without it, in
    landscape/reg-norm; None where no recorded study has both.
    """

    name: str
    reported: str
    methods: tuple[str, str] | None = None


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
    ),
    Entry(
        "`relativistic` with `r1+r2`, networks `r3gan`",
        "FID 2.75 on FFHQ at 256x256, StyleGAN2 3.78; 1,000 of 1,000 modes of stacked MNIST "
        f"({_paper('Huang et al. 2024', '2501.05441')}, by a [summary]({_SUMMARY}))",
    ),
    Entry(
        "`diffaugment`",
        "FID lower by a factor of 2 to 4 with 1,000 training images "
        f"({_paper('Zhao et al. 2020', '2006.10738')}, abstract)",
    ),
    Entry("`packing`", f"fewer lost modes, {NOT_CONFIRMED} ({_paper('Lin et al. 2018', '1712.04086')})"),
    Entry("`minibatch_stddev`", f"more variation, {NOT_CONFIRMED} ({_paper('Karras et al. 2018', '1710.10196')})"),
    Entry("`ema`", f"lower FID, {NOT_CONFIRMED} ({_paper('Yazici et al. 2019', '1806.04498')})"),
    Entry("`unrolled_steps`", f"fewer lost modes, {NOT_CONFIRMED} ({_paper('Metz et al. 2017', '1611.02163')})"),
    Entry("`attention`", f"lower FID on ImageNet, {NOT_CONFIRMED} ({_paper('Zhang et al. 2019', '1805.08318')})"),
    Entry(
        "`convolution=gated`",
        f"fewer visible seams in completed images, {NOT_CONFIRMED} ({_paper('Yu et al. 2019', '1806.03589')})",
    ),
    Entry(
        "`pair_loss=l1` beside the game",
        f"sharper than L1 alone, {NOT_CONFIRMED} ({_paper('Isola et al. 2017', '1611.07004')})",
    ),
)


def describe_recorded(entry: Entry) -> str:
    """Returns the ratio of scores with and without a trick in each recorded study that has both, with its interval."""
    if entry.methods is None:
        return "not run"
    words = []
    for data, name in RECORDED.items():
        results = frames.recorded(name)
        try:
            ratios = log_ratios(scores_of_fixed_settings(results, entry.methods, keep_failed=True), *entry.methods)
        except NotTestable:
            continue
        estimate = estimate_mean(ratios)
        low, high = (math.exp(end) for end in estimate.interval(LEVEL))
        words.append(f"{data}: {math.exp(estimate.value):.2g} ({low:.2g} to {high:.2g}), {len(ratios)} settings")
    return "; ".join(words) or "not run"


def make_table() -> str:
    """Returns the ledger as Markdown."""
    rows = [f"| {entry.name} | {entry.reported} | {describe_recorded(entry)} |" for entry in LEDGER]
    return "\n".join(["| trick | reported to help | what our recorded sweeps found |", "| --- | --- | --- |", *rows])


def replace_table(text: str) -> str:
    """Returns the page with its ledger made again."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{make_table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(replace_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""What claims of Lucic et al. 2018 compare: functions (folder or folders, keep_failed) -> contrasts.

A budget is half of the random configs of each method: up to there the expected best of k has an interval that covers
what it says (docs/statistics.md).
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from ganscape.results.claims.estimates import (
    Estimate,
    Share,
    best_of,
    difference,
    estimate_mean,
    estimate_spread,
    jackknife,
    jackknife_variance,
    log_best_of,
)
from ganscape.results.claims.evidence import (
    LEAST_DRAWS,
    NotTestable,
    first_asked,
    fresh_seeds,
    random_draws,
    random_rows,
    require,
)
from ganscape.results.claims.rules import Contrast
from ganscape.results.frames import Results

GANS = ("mm_gan", "ns_gan", "lsgan", "wgan", "wgan_gp", "dragan", "began")
ALL = (*GANS, "vae")
WIDE = ("equal/wide", "equal/seeds")
F1 = ("equal/f1",)
PUBLISHED_BUDGET = 100  # configs of each method


def _scores(results: Results, methods: tuple[str, ...], studies: tuple[str, ...], keep_failed: bool):
    require(results, studies, methods)
    return random_draws(results, methods, keep_failed=keep_failed).by_method


def _budget(by_method: dict[str, np.ndarray]) -> int:
    return min(map(len, by_method.values())) // 2


def _pairs_at(by_method: dict[str, np.ndarray], k: int) -> list[Contrast]:
    """Returns one contrast per pair of methods: of their expected best of k configs."""
    best = {method: best_of(scores, k) for method, scores in by_method.items()}
    return [
        Contrast(f"{a} / {b}, best of {k}", difference(best[a], best[b])) for a, b in itertools.combinations(best, 2)
    ]


def alike(results: Results, keep_failed: bool) -> list[Contrast]:
    """Ratios of the expected best at the budget, of all pairs of GANs."""
    scores = _scores(results, GANS, WIDE, keep_failed)
    return _pairs_at(scores, _budget(scores))


def shrinking(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns the variance over GANs of the log expected best at the budget, less that at one config.

    What the variances hold by chance, the mean squared error of the estimates, is taken off both.
    """
    scores = _scores(results, GANS, WIDE, keep_failed)
    k = _budget(scores)
    at_k = [log_best_of(values, k) for values in scores.values()]
    at_one = [log_best_of(values, 1) for values in scores.values()]

    def gap(large: Sequence[float], small: Sequence[float]) -> float:
        return float(np.var(large, ddof=1) - np.var(small, ddof=1))

    def errors(values) -> list[float]:
        return [jackknife_variance(left_out) for _, left_out in values]

    large, small = ([value for value, _ in values] for values in (at_k, at_one))
    variance = 0.0
    for place, (_, (_, large_out), (_, small_out)) in enumerate(zip(scores, at_k, at_one, strict=True)):
        left_out = [
            gap([*large[:place], a, *large[place + 1 :]], [*small[:place], b, *small[place + 1 :]])
            for a, b in zip(large_out, small_out, strict=True)
        ]
        variance += jackknife_variance(left_out)
    value = gap(large, small) - float(np.mean(errors(at_k)) - np.mean(errors(at_one)))
    units = min(map(len, scores.values()))
    estimate = Estimate(value, math.sqrt(variance), units - 1, units)
    return [Contrast(f"variance over methods, best of {k} less best of 1", estimate, ratio=False)]


def dominated(folders: Sequence[Results], keep_failed: bool) -> list[Contrast]:
    """Returns for each GAN the data set and rival for which it is most clearly worse in expected best.

    That is a choice among many, so the rule's correction for the methods is made stricter: each method counts with its
    clearest of all cases at a p multiplied by their number.
    """
    data = {results.study["data"] for results in folders}
    if len(data) < 2:
        raise NotTestable("needs finished folders of equal/wide on at least two data sets")
    cases: dict[str, dict[str, Estimate]] = {method: {} for method in GANS}
    for results in folders:
        scores = _scores(results, GANS, WIDE, keep_failed)
        k = _budget(scores)
        best = {method: best_of(values, k) for method, values in scores.items()}
        for method, rival in itertools.permutations(GANS, 2):
            label = f"{rival} / {method} on {results.study['data']}, best of {k}"
            cases[method][label] = difference(best[rival], best[method])
    return [_clearest(of_method) for of_method in cases.values()]


def _clearest(cases: dict[str, Estimate]) -> Contrast:
    """Returns the case with the lowest p, its error widened so that p is corrected for their number (Bonferroni)."""
    from scipy import stats

    label, estimate = min(cases.items(), key=lambda case: case[1].p_below(0.0))
    p = min(estimate.p_below(0.0) * len(cases), 0.5)
    if estimate.value >= 0 or p >= 0.5:
        return Contrast(label, estimate)
    return Contrast(label, estimate._replace(error=estimate.value / float(stats.t.ppf(p, estimate.freedom))))


def bad_beats_good(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns the ratio of two expected bests: of many configs of the method that is worst at one config, over one
    config of the method that is best there.

    Every second config of each method picks the two, the others are what is compared.
    """
    scores = _scores(results, GANS, WIDE, keep_failed)
    single = {method: best_of(values[::2], 1).value for method, values in scores.items()}
    good, bad = min(single, key=single.__getitem__), max(single, key=single.__getitem__)
    others = {method: scores[method][1::2] for method in (good, bad)}
    if min(map(len, others.values())) < LEAST_DRAWS:
        raise NotTestable(f"needs at least {2 * LEAST_DRAWS} random configs of each method")
    k = len(others[bad]) // 2
    label = f"{bad} at {k} configs / {good} at 1"
    return [Contrast(label, difference(best_of(others[bad], k), best_of(others[good], 1)))]


def reordered(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns for all pairs of methods the ratio at one config, then the ratio at the budget."""
    scores = _scores(results, ALL, WIDE, keep_failed)
    small, large = _pairs_at(scores, 1), _pairs_at(scores, _budget(scores))
    return [contrast for pair in zip(small, large, strict=True) for contrast in pair]


# Of normal log scores the quartiles are a factor of 2 apart where the deviation is log 2 / 1.349, and the mean absolute
# difference is 2 / sqrt(pi) deviations.
_QUARTILES_TWO_APART = math.log(math.log(2.0) / 1.349 * 2.0 / math.sqrt(math.pi))


def sensitive(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns for each GAN the spread between configs whose quartiles are a factor of 2 apart, over its own spread."""
    scores = _scores(results, GANS, WIDE, keep_failed)
    contrasts = []
    for method, values in scores.items():
        estimate = estimate_spread(values)
        below = estimate._replace(value=_QUARTILES_TWO_APART - estimate.value)
        contrasts.append(Contrast(f"factor 2 / spread of {method}", below))
    return contrasts


def similarly_sensitive(results: Results, keep_failed: bool) -> list[Contrast]:
    """Ratios of the spreads between configs, of all pairs of GANs."""
    scores = _scores(results, GANS, WIDE, keep_failed)
    spreads = {method: estimate_spread(values) for method, values in scores.items()}
    return [
        Contrast(f"spread of {a} / {b}", difference(spreads[a], spreads[b]))
        for a, b in itertools.combinations(spreads, 2)
    ]


def tuned_beats_default(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns the ratio of the expected best at the budget over the score of the authors' setting, its mean over GANs.

    The unit is the method, so that the one seed of each authors' setting needs no error of its own.
    """
    scores = _scores(results, GANS, WIDE, keep_failed)
    known, k = first_asked(results, GANS, keep_failed=keep_failed), _budget(scores)
    ratios = [best_of(scores[method], k).value - float(np.log(known[method]).mean()) for method in known]
    return [Contrast(f"best of {k} / authors' setting, mean of {len(ratios)} methods", estimate_mean(ratios))]


def _two(results: Results, a: str, b: str, keep_failed: bool) -> Contrast:
    scores = _scores(results, (a, b), WIDE, keep_failed)
    k = _budget(scores)
    return Contrast(f"{a} / {b}, best of {k}", difference(best_of(scores[a], k), best_of(scores[b], k)))


def ns_below_mm(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns the ratio of the expected best at the budget: the non-saturating GAN's over the minimax GAN's."""
    return [_two(results, "ns_gan", "mm_gan", keep_failed)]


def vae_worst(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns the ratios of the expected best at the budget of each GAN and the VAE."""
    require(results, WIDE, ALL)
    return [_two(results, method, "vae", keep_failed) for method in GANS]


def robust_to_seed(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns the ratio of standard deviations of log scores over fresh seeds: the pooled one of the other GANs over
    LSGAN's."""
    require(results, WIDE, GANS)
    seeds = {method: np.log(values) for method, values in fresh_seeds(results, GANS, keep_failed=keep_failed).items()}
    others = [seeds[method] - seeds[method].mean() for method in GANS if method != "lsgan"]

    def log_deviation(values: np.ndarray) -> float:
        return 0.5 * math.log(values.var(ddof=1))

    lsgan = jackknife(log_deviation, [seeds["lsgan"]])
    rest = jackknife(lambda *parts: 0.5 * math.log(np.mean([part.var(ddof=1) for part in parts])), others)
    return [Contrast("seeds' deviation of the other GANs / lsgan", difference(rest, lsgan))]


def wide_beats_narrow(folders: Sequence[Results], keep_failed: bool) -> list[Contrast]:
    """Returns the ratio of the expected best, wide over narrow ranges, of each GAN, for equally many configs."""
    by_study = {results.study["study"]: results for results in folders}
    wide = next((by_study[name] for name in WIDE if name in by_study), None)
    narrow = by_study.get("equal/narrow")
    if wide is None or narrow is None:
        raise NotTestable("needs finished folders of equal/wide and equal/narrow with one protocol")
    here = _scores(wide, GANS, WIDE, keep_failed)
    there = _scores(narrow, GANS, ("equal/narrow",), keep_failed)
    k = min(_budget(here), _budget(there))
    return [
        Contrast(
            f"{method}: wide / narrow, best of {k}", difference(best_of(here[method], k), best_of(there[method], k))
        )
        for method in GANS
    ]


def _share_of_misses(results: Results, method: str, f1: float, keep_failed: bool) -> Share:
    """Returns the share of a method's random configs with an F1 below `f1`, less a limit: with a larger share, the best
    of the paper's 100 configs would stay below `f1` more often than not.

    Most configs have an F1 of 0, so that their scores have no spread to estimate an interval from; their number does.
    """
    missed = random_rows(results, method, keep_failed=keep_failed).mean(axis=1) > 1.0 - f1
    return Share(int(missed.sum()), len(missed), 0.5 ** (1.0 / PUBLISHED_BUDGET))


def high_f1(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns for the non-saturating GAN and for WGAN the share of configs with an F1 below 0.8, less that of which the
    best of 100 stays below it as often as not."""
    methods = ("ns_gan", "wgan")
    require(results, F1, methods)
    shares = {method: _share_of_misses(results, method, 0.8, keep_failed) for method in methods}
    return [_describe_share("below 0.8", *each) for each in shares.items()]


def low_f1(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns for each method the share of configs with an F1 of 0.5 or more, less that of which the best of 100 stays
    below it as often as not."""
    require(results, F1, ALL)
    shares = {method: _share_of_misses(results, method, 0.5, keep_failed).complement() for method in ALL}
    return [_describe_share("above 0.5", *each) for each in shares.items()]


def _describe_share(what: str, method: str, share: Share) -> Contrast:
    label = f"share of {method}'s configs with an F1 {what}, less {share.limit:.3f}"
    return Contrast(label, share, ratio=False)

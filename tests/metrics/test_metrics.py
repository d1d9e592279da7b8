import itertools

import numpy as np
import pytest

from ganscape.metrics import (
    FEATURES,
    FORMULAS,
    LOGITS,
    METRICS,
    NAMED,
    POLYGONS,
    MetricError,
    check_lower,
    check_samples,
    find_metric,
    make_encoder,
)
from ganscape.metrics.encoders import ENCODERS
from ganscape.metrics.inception_score import inception_score

OF_FEATURES = [name for name, formula in FORMULAS.items() if not formula.of_logits]


def test_every_encoder_has_every_formula_of_its_kind():
    assert list(FEATURES | LOGITS) == list(ENCODERS)
    made = {}
    for formula, encoder in itertools.product(FORMULAS, ENCODERS):
        if FORMULAS[formula].of_logits == (encoder in LOGITS):
            made[NAMED.get((formula, encoder), f"{formula}_{encoder}")] = formula, encoder
    composed = {name: metric.encoder for name, metric in METRICS.items() if name not in POLYGONS}
    assert composed == {name: each[1] for name, each in made.items()}
    for name, (formula, _) in made.items():
        assert METRICS[name][1:5] == FORMULAS[formula][:4]
        assert METRICS[name].check_counts is FORMULAS[formula].check_counts


def test_a_classifier_score_is_the_inception_score_s_formula_on_logits_and_ignores_the_reference():
    logits = np.random.default_rng(0).normal(size=(30, 10))
    metric = METRICS["classifier_score_digits_logits"]
    assert metric.compare(metric.summarise(logits[:5]), logits) == inception_score(logits).mean
    assert type(metric.compare(None, logits)) is float


def test_a_sweep_selects_only_where_lower_is_better():
    for name in METRICS:
        if METRICS[name].better == "lower":
            check_lower(name)
        else:
            with pytest.raises(MetricError, match=f"of {name} higher is better; .* fid, or one of fd, fd_i"):
                check_lower(name)


@pytest.mark.parametrize(("exact", "complete"), [("precision", "recall"), ("prd_precision", "prd_recall")])
def test_a_dropped_mode_costs_recall_and_an_added_one_precision(exact, complete):
    rng = np.random.default_rng(2)
    one, two = rng.normal(size=(40, 3)), rng.normal(size=(40, 3)) + 20 * (np.arange(40) % 2)[:, None]
    for fewer, real, fake in ((complete, two, one), (exact, one, two)):
        found = {name: FORMULAS[name].compare(FORMULAS[name].summarise(real), fake) for name in (exact, complete)}
        assert found.pop(fewer) < 0.7 < min(found.values())


def test_an_unknown_metric_is_named_with_the_choices():
    words = r"unknown metric 'fd' .did you mean 'fid'.*; it is one of fid, .* one of fd, .*; one of pixels, digits"
    for ask in (find_metric, lambda name: make_encoder(name, (8, 8, 1)), lambda name: check_samples(name, 10, 10, 4)):
        with pytest.raises(MetricError, match=words):
            ask("fd")


def test_the_encoder_fits_the_images_or_says_which_do():
    assert make_encoder("fd_pixels", (8, 8, 1)).dimension == 64
    assert make_encoder("fd_digits", (8, 8, 1)).name == "digits"
    with pytest.raises(MetricError, match="encoder 'digits' takes images of 8x8x1, not 28x28x1"):
        make_encoder("fd_digits", (28, 28, 1))


@pytest.mark.parametrize("name", FORMULAS)
def test_too_few_samples_are_refused_exactly_where_the_formula_fails(name):
    formula, metric = FORMULAS[name], f"{name}_digits_logits" if FORMULAS[name].of_logits else f"{name}_pixels"
    minimum = formula.minimum_samples
    x = np.random.default_rng(0).normal(size=(minimum, 7))
    check_samples(metric, minimum, minimum, 7)
    assert np.isfinite(formula.compare(formula.summarise(x), x))
    for counts in ((minimum - 1, minimum), (minimum, minimum - 1)):
        with pytest.raises(MetricError, match=f"{metric} needs at least {minimum} samples, not {minimum - 1}"):
            check_samples(metric, *counts, 7)
    with pytest.raises(MetricError):
        formula.compare(formula.summarise(x[1:]), x[1:])


@pytest.mark.parametrize("name", OF_FEATURES)
@pytest.mark.parametrize("counts", [(40, 40, 4), (40, 60, 4), (60, 40, 4), (60, 60, 15), (60, 60, 16)])
def test_numbers_of_samples_are_refused_beforehand_exactly_where_the_formula_refuses_them(name, counts):
    real, generated, dimension = counts
    rng, formula = np.random.default_rng(0), FORMULAS[name]
    refusals = []
    try:
        check_samples(f"{name}_pixels", *counts)
    except MetricError as error:
        refusals.append(str(error))
    try:
        formula.compare(formula.summarise(rng.normal(size=(real, dimension))), rng.normal(size=(generated, dimension)))
    except MetricError as error:
        refusals.append(f"{name}_pixels: {error}")
    assert len(refusals) in (0, 2) and len(set(refusals)) < 2
    refused = real != generated if name.startswith("prd") else name == "fd_infinity" and counts == (60, 60, 16)
    assert bool(refusals) == refused

"""Scores of generated images, in three steps that can each be called alone: encode, summarise, compare.

    metric = METRICS["fd_digits"]
    encoder = make_encoder("fd_digits", (8, 8, 1))
    reference = metric.summarise(encoder.encode(real))          # once per data set
    value = metric.compare(reference, encoder.encode(fake))     # once per evaluation, a float

A metric is named `<formula>_<encoder>`: every formula of FORMULAS is combined with the features of every encoder, and
formulas of class probabilities with the logits of every classifier. Two have the names of the literature instead, see
NAMED. Measures that need more than the features of two sets are functions of metrics.kernel, metrics.prd and
metrics.ms_ssim. POLYGONS are metrics for data sets all of whose possible images are known.

Importing this package does not import jax; `metrics.encoders` does.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ganscape.errors import suggestion
from ganscape.metrics import (
    frechet,
    gaussian_kernel,
    inception_score,
    kernel,
    modes,
    moments,
    prd,
    precision_recall,
    sliced,
)
from ganscape.metrics.errors import MetricError
from ganscape.metrics.protocol import Protocol

if TYPE_CHECKING:
    from ganscape.metrics.encoders import Encoder

__all__ = [
    "FEATURES",
    "FORMULAS",
    "LOGITS",
    "METRICS",
    "NAMED",
    "Formula",
    "Inversion",
    "Metric",
    "MetricError",
    "Protocol",
    "add_encoder",
    "add_formula",
    "check_images_alone",
    "check_lower",
    "check_samples",
    "code_of",
    "find_metric",
    "make_encoder",
]


def accept_counts(real: int, generated: int, dimension: int) -> None:
    """Accepts any numbers of samples: what most formulas ask of them beyond a minimum."""


class Formula(NamedTuple):
    """A distance or similarity of two sets of features, whatever their encoder."""

    summarise: Callable[..., Any]  # features of real images [n, d] -> reference
    compare: Callable[..., float]  # (reference, features of generated images [m, d]) -> score
    minimum_samples: int  # of real and of generated images, in any dimension
    better: str  # "lower" or "higher"
    summary: str  # a few words
    of_logits: bool = False  # takes the logits of a classifier, not any features
    # (real, generated samples, their dimension) -> None, or MetricError where `compare` would raise one
    check_counts: Callable[[int, int, int], None] = accept_counts


class Inversion(NamedTuple):
    """The part of a metric that searches for latents whose images are nearest to real ones: it needs the generator."""

    targets: Callable[..., Any]  # (features of real images [n, d], samples) -> the images [m, d] to search for
    facts: Callable[
        ..., dict[str, float]
    ]  # (features of generated images, result of metrics.manifold.invert) -> numbers by name
    score: str  # which of these numbers is the score
    # latents [k, latent_size] in [-1, 1] -> images [k, height, width, channels] of the data set, where all are known
    sampler: Callable[..., Any] | None = None
    latent_size: int = 0


class Metric(NamedTuple):
    """A score: a formula on the features of an encoder."""

    encoder: str  # name in metrics.encoders.ENCODERS
    summarise: Callable[..., Any]  # features of real images [n, d] -> reference
    compare: Callable[..., float]  # (reference, features of generated images [m, d]) -> score
    minimum_samples: int  # of real and of generated images
    better: str  # "lower" or "higher"; a sweep selects by metrics where lower is better
    summary: str  # one line
    inversion: Inversion | None = None  # for metrics that need the generator, not only its images
    image_shape: tuple[int, int, int] | None = None  # the only shape that it is defined for, if any
    check_counts: Callable[[int, int, int], None] = accept_counts  # as in Formula


def find_metric(name: str) -> Metric:
    """Returns METRICS[name]. Raises MetricError with the choices if there is none."""
    if name not in METRICS:
        named, formulas, encoders = (", ".join(names) for names in (NAMED.values(), FORMULAS, FEATURES | LOGITS))
        raise MetricError(
            f"unknown metric {name!r}{suggestion(name, METRICS)}; it is one of {named}, "
            f"{', '.join(POLYGONS)}, or <formula>_<encoder>, one of {formulas}; one of {encoders}"
        )
    return METRICS[name]


def check_lower(name: str) -> None:
    """Raises MetricError if there is no such metric, or if higher values are better, by which no sweep selects."""
    if find_metric(name).better != "lower":
        formulas = ", ".join(label for label, formula in FORMULAS.items() if formula.better == "lower")
        raise MetricError(f"of {name} higher is better; a sweep selects where lower is: fid, or one of {formulas}")


def make_encoder(metric: str, image_shape: tuple[int, int, int]) -> "Encoder":
    """Returns the encoder that a metric uses on images of the given (height, width, channels).

    Raises MetricError, with the choices, for an unknown metric or images that its encoder does not accept, and if the
    encoder's weights are missing or not the expected ones.
    """
    from ganscape.metrics.encoders import ENCODERS

    required = find_metric(metric).image_shape
    if required not in (None, tuple(image_shape)):
        expected, actual = ("x".join(map(str, shape)) for shape in (required, image_shape))
        raise MetricError(f"{metric} takes images of {expected}, not {actual}")
    return ENCODERS[find_metric(metric).encoder](image_shape)


def check_images_alone(name: str) -> None:
    """Raises MetricError if there is no such metric, or if it needs the generator, not only images."""
    if find_metric(name).inversion:
        raise MetricError(f"{name} looks for the latents of images, so only a sweep can score by it")


def check_samples(metric: str, real: int, generated: int, dimension: int) -> None:
    """Raises MetricError if a metric cannot be computed from that many real and generated images.

    A Frechet distance needs 2. Fewer samples than feature dimensions are allowed: the distance is then computed from
    the samples themselves and is exact for them, though far from its limit for many samples. The formulas of k-th
    neighbours need k + 1, precision and recall curves equal numbers.

    dimension: number of features of the metric's encoder.
    """
    chosen = find_metric(metric)
    if min(real, generated) < chosen.minimum_samples:
        raise MetricError(f"{metric} needs at least {chosen.minimum_samples} samples, not {min(real, generated)}")
    try:
        chosen.check_counts(real, generated, dimension)
    except MetricError as error:
        raise MetricError(f"{metric}: {error}") from error


FORMULAS: dict[str, Formula] = {
    "fd": Formula(frechet.reference_of_features, frechet.distance, 2, "lower", "Frechet distance"),
    "fd_infinity": Formula(
        frechet.reference_of_features,
        frechet.distance_at_infinity,
        2 * frechet.SIZES,
        "lower",
        "Frechet distance extrapolated to infinitely many samples",
        check_counts=frechet.check_extrapolation,
    ),
    "kid": Formula(kernel.reference, kernel.kid, 2, "lower", "unbiased kernel distance"),
    "mind": Formula(sliced.reference, sliced.mind, 1, "lower", "Wasserstein distance of projections"),
    "cmmd": Formula(
        gaussian_kernel.reference, gaussian_kernel.cmmd, 1, "lower", "distance by a Gaussian kernel of unit features"
    ),
    "precision": Formula(
        partial(precision_recall.balls, k=3), precision_recall.precision, 4, "higher", "precision by 3rd neighbours"
    ),
    "recall": Formula(
        partial(precision_recall.balls, k=3), precision_recall.recall, 4, "higher", "recall by 3rd neighbours"
    ),
    "density": Formula(
        partial(precision_recall.balls, k=5), precision_recall.density, 6, "higher", "density by 5th neighbours"
    ),
    "coverage": Formula(
        partial(precision_recall.balls, k=5), precision_recall.coverage, 6, "higher", "coverage by 5th neighbours"
    ),
    "prd_precision": Formula(
        prd.reference,
        prd.largest_f_1_8,
        prd.CLUSTERS // 2,
        "higher",
        "largest F_1/8 of precision and recall curves",
        check_counts=prd.check_counts,
    ),
    "prd_recall": Formula(
        prd.reference,
        prd.largest_f_8,
        prd.CLUSTERS // 2,
        "higher",
        "largest F_8 of precision and recall curves",
        check_counts=prd.check_counts,
    ),
    "classifier_score": Formula(
        inception_score.no_reference,
        inception_score.score_without_splits,
        1,
        "higher",
        "exp of the mean divergence of an image's classes from all images' classes",
        of_logits=True,
    ),
    "modes_covered": Formula(
        inception_score.no_reference, modes.covered, 1, "higher", "number of classes that images have", of_logits=True
    ),
    "kl_uniform": Formula(
        inception_score.no_reference,
        modes.divergence_from_uniform,
        1,
        "lower",
        "divergence of the shares of classes from equal shares",
        of_logits=True,
    ),
}

FEATURES = {
    "pixels": "the pixels in [0, 1], any image shape",
    "digits": "64 features of a classifier of 8x8 digits",
    "mnist": "128 features of a classifier of MNIST",
    "mnist16": "128 features of a classifier of MNIST at 16x16",
    "stacked_mnist": "384 features of a classifier of MNIST, 128 of each colour",
    "stacked_mnist16": "384 features of a classifier of MNIST at 16x16, 128 of each colour",
    "random_conv": "128 features of random convolutions",
    "lite0": "1280 features of EfficientNet-Lite0, for photographs",
    "inception": "2,048 features of the Inception of 2015-12-05",
    "inception_pytorch": "2,048 features of the Inception of 2015-12-05, images resized as by pytorch-fid",
    "inception_clean": "2,048 features of the Inception of 2015-12-05, images resized as by clean-fid",
    "inception_64": "64 early features of the Inception of 2015-12-05",
    "inception_192": "192 early features of the Inception of 2015-12-05",
    "inception_768": "768 features of the Inception of 2015-12-05",
    "vgg16": "4,096 features of VGG16, FC7",
    "dinov2_vits14": "384 features of DINOv2's ViT-S/14",
    "dinov2_vitb14": "768 features of DINOv2's ViT-B/14",
}

LOGITS = {
    "digits_logits": "10 logits of a classifier of 8x8 digits",
    "mnist_logits": "10 logits of a classifier of MNIST",
    "mnist16_logits": "10 logits of a classifier of MNIST at 16x16",
    "stacked_mnist_logits": "1000 logits of three digits, by a classifier of MNIST",
    "stacked_mnist16_logits": "1000 logits of three digits, by a classifier of MNIST at 16x16",
    "lite0_logits": "1000 logits of EfficientNet-Lite0",
    "inception_logits": "1,008 logits of the Inception of 2015-12-05",
    "inception_logits_unbiased": "1,008 logits of the Inception of 2015-12-05, without bias",
}

# Metrics that have a name of their own in the literature, which means exactly one encoder.
NAMED = {("fd", "inception"): "fid", ("classifier_score", "inception_logits_unbiased"): "inception_score"}

# Formulas of someone else's -> the SHA-256 of their code.
CODE_OF_FORMULA: dict[str, str] = {}


def _compose() -> dict[str, Metric]:
    """Returns every formula of every encoder, those included that were added from outside."""
    return {
        NAMED.get((formula, encoder), f"{formula}_{encoder}"): Metric(
            encoder,
            parts.summarise,
            parts.compare,
            parts.minimum_samples,
            parts.better,
            f"{parts.summary}, of {features}",
            check_counts=parts.check_counts,
        )
        for formula, parts in FORMULAS.items()
        for encoder, features in (LOGITS if parts.of_logits else FEATURES).items()
    }


def add_formula(name: str, formula: Formula, code: str) -> Callable[[], None]:
    """Adds a formula of someone else's, and so a metric for every encoder; returns the function that removes it.

    code: the SHA-256 of what defines it, which becomes part of the protocols of its scores.
    """
    return _add(FORMULAS, name, formula, code)


def add_encoder(name: str, summary: str, of_logits: bool) -> Callable[[], None]:
    """Adds the metrics of an encoder of someone else's; returns the function that removes them."""
    return _add(LOGITS if of_logits else FEATURES, name, summary, None)


def _add(table: dict[str, Any], name: str, entry: Any, code: str | None) -> Callable[[], None]:
    before = set(METRICS)
    table[name] = entry
    METRICS.update({metric: made for metric, made in _compose().items() if metric not in before})
    if code is not None:
        CODE_OF_FORMULA[name] = code

    def remove() -> None:
        del table[name]
        CODE_OF_FORMULA.pop(name, None)
        for metric in METRICS.keys() - before - _compose().keys():
            del METRICS[metric]

    return remove


def code_of(name: str) -> str:
    """Returns the SHA-256 of the code of a metric's formula; "" for those of the package."""
    return CODE_OF_FORMULA.get(name.removesuffix(f"_{find_metric(name).encoder}"), "")


def _polygons(data: str, corners: int) -> dict[str, Metric]:
    """Returns the metrics of a data set of polygons.

    `metrics.manifold` is imported when one is computed, because it imports jax.
    """

    def precision(reference: Any, features: Any) -> float:
        from ganscape.metrics import manifold

        return manifold.polygon_precision(features, corners)

    def facts(features: Any, inverted: Any) -> dict[str, float]:
        from ganscape.metrics import manifold

        return manifold.manifold_facts(features, inverted, corners)

    def targets(features: Any, samples: int) -> Any:
        from ganscape.metrics import manifold

        return manifold.targets(features, samples)

    def sampler(latents: Any) -> Any:
        import jax

        from ganscape.metrics.polygons import draw_polygon

        return jax.vmap(draw_polygon)(latents)[..., None]

    def compare(reference: Any, features: Any) -> float:
        raise MetricError("F1 needs a generator, not images")

    exact = f"share of images at most 0.75 from one of {data}, by the nearest polygon found"
    both = f"1 - F1 of precision and of recall by inverting the generator, on {data}"
    of_images = inception_score.no_reference, precision, 1, "higher", exact
    of_generator = (
        moments.as_features,
        compare,
        1,
        "lower",
        both,
        Inversion(targets, facts, "one_minus_f1", sampler, corners + 1),
    )
    shape = (28, 28, 1)
    return {
        f"manifold_precision_{data}": Metric("pixels", *of_images, image_shape=shape),
        f"one_minus_f1_{data}": Metric("pixels", *of_generator, shape),
    }


POLYGONS = _polygons("triangles", 3) | _polygons("squares", 4)

METRICS: dict[str, Metric] = _compose() | POLYGONS

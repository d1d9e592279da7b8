"""The metric that images are scored by when nobody names one, and how many images a metric needs.

A Frechet distance estimates a covariance of its features, and its bias grows as that of fewer images. The FID's authors
want more images than features, and recommend 10,000 for their 2,048 (https://github.com/bioinf-jku/TTUR, README); the
same number per feature is asked of every encoder here. Below it the kernel distance takes over, which is unbiased at
any number (Binkowski et al. 2018, https://arxiv.org/abs/1801.01401).
"""

import math

from ganscape.metrics import find_metric, frechet, kernel, make_encoder

# Data sets with a classifier of their own.
OF_DATA = {
    "digits": "fd_digits",
    "mnist": "fd_mnist",
    "mnist5k": "fd_mnist",
    "mnist16": "fd_mnist16",
    "mnist16_5k": "fd_mnist16",
    "stacked_mnist": "fd_stacked_mnist",
    "stacked_mnist_5k": "fd_stacked_mnist",
    "stacked_mnist16": "fd_stacked_mnist16",
    "stacked_mnist16_5k": "fd_stacked_mnist16",
}
SMALLEST_SIDE = 32  # of images that lite0, trained on photographs, is a default for
KID_SAMPLES = 1_000  # images in each subset of the published kernel distances: Binkowski et al. 2018
PHOTOS_HINT = "'ganscape[photos]' scores photographs by a network that was trained on them (lite0): pip install it"


def default_metric(data: str, image_shape: tuple[int, int, int], samples: int) -> str:
    """Returns the metric for images of a data set: by its own classifier, else by the best encoder that is there.

    That is `lite0` for images of at least 32x32 where its weights are installed, else `random_conv`; by Frechet
    distance where there are enough images for it, else by kernel distance.

    Args:
      data: name of a data set, or the path of images.
      image_shape: (height, width, channels).
      samples: images in the smaller of both sets, real and generated.
    """
    if data in OF_DATA:
        return OF_DATA[data]
    encoder = "lite0" if is_large(image_shape) and has_lite0() else "random_conv"
    dimension = make_encoder(f"fd_{encoder}", image_shape).dimension
    return f"{'fd' if samples >= frechet_samples(dimension) else 'kid'}_{encoder}"


def is_large(image_shape: tuple[int, int, int]) -> bool:
    """Returns whether images are large enough for an encoder of photographs."""
    return min(image_shape[:2]) >= SMALLEST_SIDE


def has_lite0() -> bool:
    """Returns whether the weights of lite0 are installed."""
    from ganscape.metrics.encoders import lite0

    return lite0.is_installed()


def frechet_samples(dimension: int) -> int:
    """Returns the least number of images that a Frechet distance of so many features is recommended for."""
    return math.ceil(10_000 / 2_048 * dimension)


def warnings(metric: str, image_shape: tuple[int, int, int], samples: int) -> list[str]:
    """Returns one line for each reason to doubt a metric of images of this shape; none for most.

    samples: images in the smaller of both sets, real and generated.
    """
    compare, encoder = find_metric(metric).compare, make_encoder(metric, image_shape)
    lines = []
    needed = frechet_samples(encoder.dimension)
    if compare is frechet.distance and samples < needed:
        rank = ", fewer than its features" if samples <= encoder.dimension else ""
        lines.append(
            f"{metric} of {samples:,} images{rank}: a Frechet distance of {encoder.dimension:,} features is too large "
            f"below about {needed:,} images (Heusel et al. 2017); take kid_{encoder.name}, or more images"
        )
    if compare is kernel.kid and samples < KID_SAMPLES:
        lines.append(
            f"{metric} of {samples:,} images scatters more than published ones, of {KID_SAMPLES:,} "
            "(Binkowski et al. 2018): small differences between scores mean nothing"
        )
    if encoder.name == "random_conv" and is_large(image_shape) and not has_lite0():
        lines.append(f"{metric} sees edges and textures; {PHOTOS_HINT}")
    return lines

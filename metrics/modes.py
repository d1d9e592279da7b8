"""Modes: how many classes generated images cover, and how evenly, by a classifier that names one class per image.

With the classifier of `stacked_mnist` these are the numbers of Metz et al. 2017, https://arxiv.org/abs/1611.02163,
section 3.3.1, and Lin et al. 2018, https://arxiv.org/abs/1712.04086, who score 26,000 images. Neither depends on real
images. n images drawn evenly from K classes cover about K (1 - exp(-n / K)) of them, and their divergence is about
(K - 1) / 2n: scores of different numbers of images do not compare.
"""

import numpy as np
from numpy.typing import ArrayLike

from ganscape.metrics.errors import MetricError
from ganscape.metrics.moments import as_features


def covered(reference: None, logits: ArrayLike) -> float:
    """Returns the number of classes that at least one image is classified as, from logits [n, classes].

    reference: not used; the score does not depend on real images. Raises MetricError for no logits, or some that are
    not finite.
    """
    return float(np.count_nonzero(shares(logits)))


def divergence_from_uniform(reference: None, logits: ArrayLike) -> float:
    """Returns the Kullback-Leibler divergence of the shares of the classes from equal shares, in nats: 0 where every
    class has as many images, log(classes) where one has all. Otherwise like `covered`.
    """
    from scipy.special import xlogy  # 0.2 s to import, which every worker would wait for

    share = shares(logits)
    return float(xlogy(share, share * len(share)).sum())


def shares(logits: ArrayLike) -> np.ndarray:
    """Returns the share of images whose largest logit is that of each class, [classes], from logits [n, classes]."""
    array = as_features(logits)
    if not len(array):
        raise MetricError("no images to count the modes of")
    return np.bincount(array.argmax(axis=1), minlength=array.shape[1]) / len(array)

"""The Frechet distance of 10,000 x 2,048 features beside scipy's root of the product, and where its time goes.

    python benchmarks/frechet.py [--samples 10000] [--dimension 2048]

Prints seconds, the ratio and the relative difference, and a line of JSON. The reference half is made once per data set;
`both` counts it. scipy's way is TTUR's: mean and covariance by numpy, `sqrtm` of the product of the covariances.
"""

import argparse
import json
import time

import numpy as np
import scipy.linalg

from metrics.frechet import distance, reference_of_features


def made(samples: int, dimension: int, seed: int) -> np.ndarray:
    """Features as positive and as correlated as those of Inception: the absolute values of a mixed Gaussian."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(dimension, dimension)) * 0.995 ** np.arange(dimension)[:, None]
    return np.abs(rng.normal(size=(samples, dimension)) @ mixing / np.sqrt(dimension)).astype(np.float32)


def by_sqrtm(x: np.ndarray, y: np.ndarray) -> float:
    first, second = (np.cov(each.astype(np.float64), rowvar=False) for each in (x, y))
    gap = x.mean(axis=0, dtype=np.float64) - y.mean(axis=0, dtype=np.float64)
    root = scipy.linalg.sqrtm(first @ second)
    return float(gap @ gap + np.trace(first) + np.trace(second) - 2 * np.trace(root.real))


def timed(function, *arguments):
    began = time.perf_counter()
    found = function(*arguments)
    return found, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--dimension", type=int, default=2_048)
    asked = parser.parse_args()
    real, fake = (made(asked.samples, asked.dimension, seed) for seed in (1, 2))
    reference, once = timed(reference_of_features, real)
    ours, each = timed(distance, reference, fake)
    theirs, root = timed(by_sqrtm, real, fake)
    apart = abs(ours - theirs) / abs(theirs)
    print(f"reference, once per data set {once:6.1f} s")
    print(f"distance, once per score     {each:6.1f} s")
    print(f"scipy.linalg.sqrtm           {root:6.1f} s")
    print(f"{root / each:.1f} times faster, with the reference {root / (once + each):.1f}; apart {apart:.1e}")
    row = {"samples": asked.samples, "dimension": asked.dimension, "reference": once, "distance": each, "sqrtm": root}
    print(json.dumps(row | {"value": ours, "relative_difference": apart}))


if __name__ == "__main__":
    main()

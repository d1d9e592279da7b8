"""Time of the Frechet distance, ours against the usual one with scipy.linalg.sqrtm.

    python benchmarks/frechet.py [--sizes 10000x2048] [--repeats 1] [--out FILE]

Both start from features and a reference computed beforehand, with one BLAS thread, alternately in one process.
"""

import functools

import numpy as np
import scipy.linalg
from measuring import alternate, median, options, ratio, write
from threadpoolctl import threadpool_limits

from ganscape.metrics import find_metric


def by_square_root(reference: tuple[np.ndarray, np.ndarray], features: np.ndarray) -> float:
    """Returns the Frechet distance as the code of TTUR computes it, with the root of the product of the covariances."""
    mean, covariance = features.mean(axis=0), np.cov(features, rowvar=False)
    root = scipy.linalg.sqrtm(covariance @ reference[1])
    gap = np.sum((mean - reference[0]) ** 2)
    return float(gap + np.trace(covariance) + np.trace(reference[1]) - 2.0 * np.trace(root.real))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--sizes", default="10000x2048")
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    metric = find_metric("fd_pixels")
    for size in arguments.sizes.split(","):
        samples, dimension = map(int, size.split("x"))
        rng = np.random.default_rng(0)
        spectrum = np.geomspace(1.0, 1e-3, dimension)
        real, fake = (rng.normal(size=(samples, dimension)) * spectrum + shift for shift in (0.0, 0.01))
        ours = metric.summarise(real)
        theirs = real.mean(axis=0), np.cov(real, rowvar=False)
        values: dict[str, float] = {}

        def ours_once(reference=ours, features=fake, results=values):
            results["ours"] = metric.compare(reference, features)

        def root_once(reference=theirs, features=fake, results=values):
            results["sqrtm"] = by_square_root(reference, features)

        with threadpool_limits(1):
            taken = alternate({"ours": ours_once, "sqrtm": functools.partial(root_once)}, arguments.repeats)
        row = {
            "benchmark": "frechet",
            "samples": samples,
            "dimension": dimension,
            "ours_s": round(median(taken["ours"]), 2),
            "sqrtm_s": round(median(taken["sqrtm"]), 2),
            "ratio": round(ratio(taken["sqrtm"], taken["ours"]), 2),
            "ratio_cpu_seconds": round(ratio(taken["sqrtm"], taken["ours"], 1), 2),
            "relative_difference": abs(values["ours"] / values["sqrtm"] - 1.0),
        }
        print(
            f"{samples} x {dimension}: ours {row['ours_s']:.2f} s, sqrtm {row['sqrtm_s']:.2f} s, ratio "
            f"{row['ratio']:.1f} (CPU seconds {row['ratio_cpu_seconds']:.1f}), results differ by "
            f"{row['relative_difference']:.1e}"
        )
        write(arguments.out, row)


if __name__ == "__main__":
    main()

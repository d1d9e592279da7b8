"""The time of a score: encoding of 10,000 images, and the Frechet distance of their features, on JAX's default device.

    python benchmarks/encoding.py [--metric fid] [--images 10000] [--size 32x32x3] [--out FILE]

Images and reference are noise, so the distance means nothing; the time does not depend on what they show. The first
encoding includes compilation and is not counted. Metrics whose weights are not there are refused: `ganscape encoder`.
"""

import numpy as np
from measuring import alternate, median, options, write

from ganscape.metrics import find_metric, make_encoder
from ganscape.sweep.measuring.evaluation import encode_images


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--metric", default="fid")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--size", default="32x32x3", metavar="HEIGHTxWIDTHxCHANNELS")
    arguments = parser.parse_args()
    height, width, channels = map(int, arguments.size.split("x"))
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (arguments.images, height, width, channels), np.uint8)
    metric, encoder = find_metric(arguments.metric), make_encoder(arguments.metric, images.shape[1:])
    features = encode_images(encoder, images)
    reference = metric.summarise(features + rng.normal(size=features.shape).astype(np.float32))
    sides = {
        "encode": lambda: encode_images(encoder, images),
        "compare": lambda: metric.compare(reference, features),
    }
    taken = alternate(sides, 3)
    row = {
        "benchmark": "encoding",
        "metric": arguments.metric,
        "images": arguments.images,
        "size": arguments.size,
        "features": features.shape[1],
        **{f"{name}_s": round(median(pairs), 3) for name, pairs in taken.items()},
    }
    print(
        f"{arguments.metric}: {arguments.images:,} images of {arguments.size} encoded to {row['features']} features in "
        f"{row['encode_s']:.2f} s, compared in {row['compare_s']:.2f} s"
    )
    write(arguments.out, row)


if __name__ == "__main__":
    main()

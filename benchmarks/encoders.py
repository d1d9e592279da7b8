"""What encoders tell of photographs: classes, noise of equal moments, blur, missing classes; and what they cost.

    python benchmarks/encoders.py [--encoders pixels,random_conv,lite0] [--sides 64] [--data cifar10_jpeg]
        [--train 1000] [--test 500] [--out FILE]

Classes: the share of test images whose class a logistic regression on the train images names rightly. Distances: by
kernel distance, those of half of the test images, drawn ten times, to as many images of each kind, less that of train
images and divided by its standard deviation over the draws; they compare between encoders. Bias: Frechet distances of
train images from test images over their number. `lite0` is measured at every side that its input may be enlarged to.

Features are kept as those of reference images are, so an interrupted run continues.
"""

import numpy as np
from measuring import alternate, options, write

from ganscape.data import Dataset, load
from ganscape.metrics import make_encoder
from ganscape.metrics.encoders import Encoder, lite0
from ganscape.metrics.frechet import frechet_distance_of_features
from ganscape.metrics.kernel import kid_of_features
from ganscape.sweep.measuring.corruptions import blurred, gaussian_noise
from ganscape.sweep.measuring.evaluation import encode_images
from ganscape.sweep.measuring.reference_cache import reference_features

DRAWS = 10
PART = 100  # images whose features are kept together
TIMED = 32


def classes_right(train: np.ndarray, labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray) -> float:
    """Returns the share of test features whose class a logistic regression on standardised train features names."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    return float(model.fit(train, labels).score(test, test_labels))


def distances(kinds: dict[str, np.ndarray], test: np.ndarray) -> dict[str, float]:
    """Returns, for each kind of features but `real`, how many standard deviations farther it is than `real`."""
    rng, size, drawn = np.random.default_rng(0), len(test) // 2, {name: [] for name in kinds}
    for _ in range(DRAWS):
        reference = test[rng.permutation(len(test))[:size]]
        for name, features in kinds.items():
            drawn[name].append(kid_of_features(reference, features[rng.permutation(len(features))[:size]]))
    real = np.array(drawn.pop("real"))
    return {name: float((np.mean(values) - real.mean()) / real.std(ddof=1)) for name, values in drawn.items()}


def measure(encoder: Encoder, dataset: Dataset, train: int, test: int) -> dict[str, float]:
    """Returns what the features of the first train and test images tell, and what they cost."""
    rng = np.random.default_rng(0)
    faults = {"noise": gaussian_noise(dataset.train[:5_000], rng)[:test], "blur": blurred(dataset.train[:test], rng)}
    images = {"real": dataset.train[:train], "test": dataset.test[:test], **faults}
    features = {name: np.concatenate([*parts(encoder, each)]) for name, each in images.items()}
    labels, tested = dataset.train_labels[:train], dataset.test_labels[:test]
    kinds = {name: features[name] for name in ("real", *faults)}
    kinds["half"] = features["real"][labels < dataset.classes // 2]
    (_, cpu), *_ = alternate({"": lambda: encode_images(encoder, images["real"][:TIMED])}, 2)[""][1:]
    return {
        "classes": classes_right(features["real"], labels, features["test"], tested),
        **distances(kinds, features["test"]),
        **{
            f"fd_{size}": frechet_distance_of_features(features["test"][:size], features["real"][:size])
            for size in (test // 4, test // 2, test)
        },
        "cpu_ms": 1000 * cpu / TIMED,
    }


def parts(encoder: Encoder, images: np.ndarray):
    """Yields the features of the images, PART of them at a time."""
    for at in range(0, len(images), PART):
        yield reference_features(encoder, images[at : at + PART])


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--encoders", default="pixels,random_conv,lite0")
    parser.add_argument("--sides", default=str(lite0.SIDE), help="of lite0, with commas between")
    parser.add_argument("--data", default="cifar10_jpeg")
    parser.add_argument("--data-root")
    parser.add_argument("--train", type=int, default=1000)
    parser.add_argument("--test", type=int, default=500)
    arguments = parser.parse_args()
    dataset = load(arguments.data, arguments.data_root)
    for name in arguments.encoders.split(","):
        for side in map(int, arguments.sides.split(",")) if name == "lite0" else [dataset.image_shape[0]]:
            if name == "lite0":
                encoder = lite0.encoder(dataset.image_shape, side=side)
            else:
                encoder = make_encoder(f"kid_{name}", dataset.image_shape)
            found = measure(encoder, dataset, arguments.train, arguments.test)
            numbers = ", ".join(f"{key} {value:.3g}" for key, value in found.items())
            print(f"{name} at {side}x{side}: {numbers}", flush=True)
            write(arguments.out, {"benchmark": "encoders", "encoder": name, "side": side, **found})


if __name__ == "__main__":
    main()

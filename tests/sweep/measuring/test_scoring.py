import numpy as np
import pytest
from PIL import Image

from ganscape.data import DataError
from ganscape.metrics import METRICS, MetricError, make_encoder
from ganscape.metrics.frechet import frechet_distance_of_features
from ganscape.metrics.kernel import kid_of_features
from ganscape.sweep.measuring import scoring
from ganscape.sweep.measuring.evaluation import encode_images
from ganscape.sweep.measuring.scoring import score_images
from ganscape.sweep.plan import plan


@pytest.fixture
def floats(tmp_path, digits):
    """The training images as floats in a file, and where it is."""
    path = tmp_path / "floats.npy"
    np.save(path, digits.train / np.float32(255))
    return path


def values(scores):
    return {score.protocol.metric: score.value for score in scores}


def test_scores_are_those_of_the_formulas_on_the_features(digits, floats):
    encoder = make_encoder("fd_digits", (8, 8, 1))
    fake, real = (encode_images(encoder, images) for images in (digits.train, digits.test))
    pixels = [images.reshape(len(images), -1) / np.float32(255) for images in (digits.test, digits.train)]
    found = values(score_images(floats, "digits", ["fd_digits", "kid_digits", "fd_pixels", "fd_digits"]))
    assert list(found) == ["fd_digits", "kid_digits", "fd_pixels"]
    assert found["fd_digits"] == pytest.approx(frechet_distance_of_features(real, fake), rel=1e-9)
    assert found["kid_digits"] == pytest.approx(kid_of_features(real, fake), rel=1e-9)
    assert found["fd_pixels"] == pytest.approx(frechet_distance_of_features(*pixels), rel=1e-5)


def test_a_folder_of_pictures_scores_as_its_array(tmp_path, digits):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, image in enumerate(digits.train[:60]):
        Image.fromarray(image[..., 0]).save(folder / f"{number:03}.png")
    np.save(tmp_path / "bytes.npy", digits.train[:60])
    names = [name for name in METRICS if name.endswith("_pixels") and not name.startswith(("prd", "fd_infinity"))]
    from_folder, from_array = (score_images(path, "digits", names) for path in (folder, tmp_path / "bytes.npy"))
    assert from_folder == from_array
    assert [score.better for score in from_folder] == [METRICS[name].better for name in names]


def test_floats_have_the_protocol_of_a_sweep_and_bytes_one_of_their_own(tmp_path, digits, floats):
    planned = plan("equal/wide", out=tmp_path / "run", settings={"samples": 100}).protocol
    assert score_images(floats, "digits", samples=100)[0].protocol == planned
    np.save(tmp_path / "bytes.npy", digits.train)
    quantised = score_images(tmp_path / "bytes.npy", "digits", samples=100)[0].protocol
    assert quantised == planned._replace(preprocessing=quantised.preprocessing)
    assert quantised.fingerprint != planned.fingerprint


def test_by_default_a_data_set_s_own_metric_and_features_for_a_path(floats):
    (own,), (other,) = score_images(floats, "digits"), score_images(floats, str(floats))
    assert own.protocol.metric == "fd_digits"
    assert other.protocol.metric == "fd_random_conv"
    assert other.value == pytest.approx(0, abs=1e-6)
    assert (other.protocol.reference, other.protocol.reference_samples) == ("floats.npy", 1000)


def test_a_score_of_few_images_comes_with_a_warning_and_one_of_many_with_none(floats):
    few, many = (score_images(floats, "digits", samples=samples)[0].warnings for samples in (64, 1000))
    assert len(few) == 1 and "fd_digits of 64 images, fewer than its features" in few[0]
    assert many == ()


def test_another_reference_has_another_fingerprint(tmp_path, digits):
    made = []
    for number in range(2):
        path = tmp_path / str(number) / "same.npy"
        path.parent.mkdir()
        np.save(path, digits.train[number : number + 20])
        made.append(score_images(path, str(path))[0].protocol)
    assert made[0].reference == made[1].reference and made[0].fingerprint != made[1].fingerprint


def test_samples_are_spread_over_the_images(tmp_path, digits):
    """Of a folder in order of class no class goes missing."""
    np.save(tmp_path / "all.npy", digits.train[:90])
    np.save(tmp_path / "third.npy", digits.train[:90:3])
    some = score_images(tmp_path / "all.npy", "digits", samples=30)
    third = score_images(tmp_path / "third.npy", "digits")
    assert some == third and some[0].protocol.samples == 30


@pytest.mark.parametrize(
    ("names", "samples", "error", "message"),
    [
        (["fd_digits", "fd_digit"], None, MetricError, "unknown metric 'fd_digit'"),
        (["fd_mnist"], None, MetricError, "'mnist' takes images of 28x28x1, not 8x8x1"),
        (["kid_digits"], 1, MetricError, "kid_digits needs at least 2 samples, not 1"),
        (["recall_digits"], 3, MetricError, "recall_digits needs at least 4 samples, not 3"),
        (["fd_digits"], 0, DataError, "samples=0 of the 1000 images"),
        (["fd_digits"], 1001, DataError, "samples=1001 of the 1000 images"),
        (
            ["prd_recall_digits"],
            100,
            MetricError,
            "prd_recall_digits: .* as many generated as real .*, not 100 against 797",
        ),
        (["fd_digits", "prd_recall_digits"], None, MetricError, "prd_recall_digits: .* not 1,000 against 797"),
        (["fd_infinity_digits"], 255, MetricError, "fd_infinity_digits: .* at least 256 samples, not 255"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_anything_is_encoded(
    floats, monkeypatch, names, samples, error, message
):
    monkeypatch.setattr(scoring, "encode_images", lambda *given: pytest.fail("encoded before all was checked"))
    monkeypatch.setattr(scoring, "reference_features", scoring.encode_images)
    with pytest.raises(error, match=message):
        score_images(floats, "digits", names, samples=samples)


def test_too_few_reference_images_are_refused_and_a_metric_named_twice_is_scored_once(tmp_path, digits):
    few, many = tmp_path / "few.npy", tmp_path / "many.npy"
    np.save(few, digits.train[:3])
    np.save(many, digits.train[:9])
    with pytest.raises(MetricError, match="recall_pixels needs at least 4 samples, not 3"):
        score_images(many, str(few), ["recall_pixels"])
    assert len(score_images(many, str(few), ["fd_pixels", "fd_pixels"])) == 1


def test_a_reference_that_is_not_there_or_of_another_size_is_refused(tmp_path, floats):
    told = r"nothing to compare with: unknown data set 'digit' \(did you mean 'digits'\?\); the path of images, or one "
    with pytest.raises(DataError, match=told):
        score_images(floats, "digit")
    np.save(tmp_path / "large.npy", np.zeros((5, 9, 9), np.uint8))
    with pytest.raises(DataError, match=r"images of 9x9x1 at .*large.npy cannot be compared .* 8x8x1 of digits/test"):
        score_images(tmp_path / "large.npy", "digits")


@pytest.fixture
def statistics(tmp_path, digits):
    """The mean and covariance of the features of the test digits, as pytorch-fid would keep them."""
    features = np.asarray(encode_images(make_encoder("fd_digits", (8, 8, 1)), digits.test), np.float64)
    path = tmp_path / "stats.npz"
    np.savez(path, mu=features.mean(axis=0), sigma=np.cov(features, rowvar=False))
    return path


def test_published_statistics_give_the_distance_to_the_images_that_they_are_of(floats, statistics):
    (score,) = score_images(floats, str(statistics), ["fd_digits"])
    (images,) = score_images(floats, "digits", ["fd_digits"])
    assert score.value == pytest.approx(images.value, rel=1e-9)
    assert (score.protocol.reference, score.protocol.reference_samples) == ("stats.npz", 0)
    assert score.protocol.fingerprint != images.protocol.fingerprint


def test_of_statistics_there_is_no_other_distance_nor_one_of_other_features(floats, statistics):
    with pytest.raises(MetricError, match=r"kid_digits needs images to compare with; .*stats.npz is for fid and fd_"):
        score_images(floats, str(statistics), ["kid_digits"])
    with pytest.raises(MetricError, match=r"fd_random_conv has 128 features, .*stats.npz is of 64"):
        score_images(floats, str(statistics), ["fd_random_conv"])


@pytest.mark.parametrize(
    ("mean", "covariance", "message"),
    [
        (np.zeros(3), np.eye(2), r"mu of shape \(3,\) and sigma of \(2, 2\)"),
        (np.zeros(2), np.array([[1.0, 0.5], [0.4, 1.0]]), "sigma is not symmetric"),
        (np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]), "sigma has the eigenvalue -1"),
        (np.array([0.0, np.nan]), np.eye(2), "not finite"),
        (np.array(["a", "b"]), np.eye(2), "no statistics that can be read"),
    ],
)
def test_statistics_that_are_none_are_refused_by_name(floats, tmp_path, mean, covariance, message):
    np.savez(tmp_path / "bad.npz", mu=mean, sigma=covariance)
    with pytest.raises(MetricError, match=f"bad.npz: .*{message}"):
        score_images(floats, str(tmp_path / "bad.npz"), ["fd_digits"])


def test_features_that_cannot_be_kept_are_one_line_beside_the_scores(ganscape, floats, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANSCAPE_CACHE", str(tmp_path / "file"))
    asked = "fd_digits,classifier_score_digits_logits"
    told = ganscape("score", "--images", floats, "--against", "digits", "--metric", asked)
    assert told.exit_code == 0 and "fd_digits" in told.stdout
    (line,) = told.stderr.splitlines()
    assert line.startswith("warning: features of reference images cannot be kept in ")


def test_unequal_numbers_of_images_are_refused_in_a_line_by_every_way_to_score(ganscape, refused, floats, tmp_path):
    asked = ("--metric", "fd_digits,prd_precision_digits")
    words = "prd_precision_digits: precision and recall curves need as many generated as real samples"
    refused(ganscape("score", "--images", floats, "--against", "digits", *asked), words, "1,000 against 797")
    run = ("run", "equal/wide", "--out", tmp_path / "out", "--set", "samples=100")
    refused(ganscape(*run, *asked), words, "100 against 797")
    assert not (tmp_path / "out").exists()
    bias = ("calibrate", "bias", "--data", "digits", "--against", "test", "--sizes", "100", "--out", tmp_path / "out")
    refused(ganscape(*bias, *asked), words, "100 against 797")

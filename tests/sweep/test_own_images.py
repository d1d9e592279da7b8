"""Plans on images of one's own: every length and size that a study can be given."""

import numpy as np
import pytest

from ganscape.models import ConfigError
from ganscape.sweep.plan import plan


@pytest.fixture
def planned(tmp_path):
    """(shape, study, options) -> the plan of a study on 20 images of that shape."""

    def make(shape, study, **options):
        path = tmp_path / "own.npy"
        np.save(path, np.random.default_rng(0).integers(256, size=(20, *shape), dtype=np.uint8))
        return plan(study, out=tmp_path / "out", data=str(path), **options)

    return make


@pytest.mark.parametrize(
    ("shape", "study", "scale", "named", "architecture"),
    [
        ((32, 32, 3), "equal/defaults", "smoke", "mlp", "mlp"),
        ((128, 128, 3), "equal/defaults", "smoke", "mlp", "infogan"),
        ((48, 48, 3), "equal/wide", "hour", "infogan", "infogan"),
        ((30, 30, 1), "equal/wide", "paper", "infogan", "mlp"),
        ((64, 64, 3), "landscape/reg-norm", "smoke", "conv8", "dcgan"),
    ],
)
def test_an_architecture_that_takes_the_images_is_found_and_told_if_it_is_another(
    planned, shape, study, scale, named, architecture
):
    made = planned(shape, study, scale=scale)
    assert made.fixed["architecture"] == architecture
    told = [line for line in made.warnings if line.startswith("architecture")]
    assert [line.partition(", which takes ")[0] for line in told] == (
        [] if named == architecture else [f"architecture {architecture} in place of {named}"]
    )


@pytest.mark.parametrize(("shape", "images"), [((32, 32, 3), 78_125 * 64), ((28, 28, 1), 15_625 * 64)])
def test_own_images_are_trained_on_as_long_as_cifar10_or_mnist(planned, shape, images):
    assert planned(shape, "equal/wide", scale="paper").workload.rungs[-1] == images


def test_an_architecture_that_the_user_named_is_not_replaced(planned):
    with pytest.raises(ConfigError, match=r"conv8.* 8x8"):
        planned((64, 64, 3), "equal/defaults", settings={"architecture": "conv8"})


@pytest.mark.parametrize(
    ("shape", "settings", "told"),
    [((32, 32, 3), {}, True), ((32, 32, 1), {}, False), ((16, 16, 3), {}, False)]
    + [((32, 32, 3), {"architecture": name}, False) for name in ("mlp", "infogan")],
)
def test_dense_networks_that_a_scale_has_for_digits_are_warned_of_for_photographs(planned, shape, settings, told):
    made = planned(shape, "equal/defaults", settings=settings)
    assert any(line.startswith("dense layers of 128 units (architecture mlp)") for line in made.warnings) == told


def test_images_that_no_architecture_takes_are_refused_by_what_the_scale_names(planned):
    with pytest.raises(ConfigError, match="mlp"):
        planned((66, 70, 3), "equal/defaults")

import flax.linen as nn
import jax
import numpy as np
import pytest

from ganscape.models.architectures.conditioning import CONDITIONINGS
from ganscape.models.initialization import he_normal, initialise

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0.0, 1.0, (4, 3, 2, 1)).astype(np.float32)
FEATURES = RNG.normal(size=(4, 5)).astype(np.float32)
LABELS = np.array([2, 0, 1, 2])
CLASSES = np.eye(3, dtype=np.float32)[LABELS]


class Host(nn.Module):
    way: str
    normalization: str = "none"

    @nn.compact
    def __call__(self, features, classes):
        return CONDITIONINGS[self.way].logits(features, classes, he_normal, self.normalization)


@pytest.mark.parametrize("way", ["none", "projection"])
def test_images_alone(way):
    assert CONDITIONINGS[way].images(IMAGES, CLASSES) is IMAGES


@pytest.mark.parametrize("way", ["none", "concatenation"])
def test_logits_of_the_images_alone(way):
    assert CONDITIONINGS[way].logits(FEATURES, CLASSES, he_normal, "none") == 0.0


def test_the_plane_of_an_images_class_is_1_and_the_others_0():
    made = np.asarray(CONDITIONINGS["concatenation"].images(IMAGES, CLASSES))
    np.testing.assert_array_equal(made[..., :1], IMAGES)
    for image, label in zip(made, LABELS, strict=True):
        for plane in range(3):
            np.testing.assert_array_equal(image[..., 1 + plane], np.full((3, 2), float(plane == label)))


@pytest.mark.parametrize("normalization", ["none", "spectral_norm"])
def test_a_projection_is_the_product_with_the_embedding_of_the_class(normalization):
    module = Host("projection", normalization)
    variables = initialise(module, np.array([1, 2], np.uint32), FEATURES.shape, CLASSES.shape)
    assert jax.tree.map(np.shape, variables["params"]) == {"Embedding_0": {"kernel": (3, 5)}}
    embedding = variables["params"]["Embedding_0"]["kernel"]
    for _ in range(60 if normalization == "spectral_norm" else 1):
        made, left = module.apply(variables, FEATURES, CLASSES, mutable=["statistics"])
        variables = {**variables, **left}
    size = np.linalg.norm(embedding, 2) if normalization == "spectral_norm" else 1.0
    expected = [FEATURES[i] @ embedding[label] / size for i, label in enumerate(LABELS)]
    np.testing.assert_allclose(made, expected, rtol=1e-3)

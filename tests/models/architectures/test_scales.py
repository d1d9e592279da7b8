import flax.linen as nn
import numpy as np

from ganscape.models.architectures.layers import Dense
from ganscape.models.architectures.scales import Scales, average_pool
from ganscape.models.forward import TRAINING, DiscriminatorOutput
from ganscape.models.initialization import he_normal, initialise

IMAGES = np.random.default_rng(0).uniform(0.0, 1.0, (3, 8, 4, 2)).astype(np.float32)


class Linear(nn.Module):
    """A layer, whose inputs are its features."""

    @nn.compact
    def __call__(self, images, context=TRAINING):
        x = images.reshape(images.shape[0], -1)
        return DiscriminatorOutput(Dense(1, he_normal)(x)[:, 0], x)


def test_halved_images_are_means_of_squares():
    made = np.asarray(average_pool(IMAGES))
    assert made.shape == (3, 4, 2, 2)
    for i in range(4):
        for j in range(2):
            expected = IMAGES[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean((1, 2))
            np.testing.assert_allclose(made[:, i, j], expected, rtol=1e-6)


def test_each_discriminator_judges_images_of_half_the_size_by_weights_of_its_own():
    module = Scales((Linear(), Linear(), Linear()))
    variables = initialise(module, np.array([1, 2], np.uint32), IMAGES.shape)
    assert len(variables["params"]) == 3
    judgement = module.apply(variables, IMAGES)
    features = []
    for i, seen in enumerate((IMAGES, average_pool(IMAGES), average_pool(average_pool(IMAGES)))):
        flat = np.asarray(seen).reshape(3, -1)
        layer = variables["params"][f"discriminators_{i}"]["Dense_0"]
        np.testing.assert_allclose(judgement.logits[:, i], (flat @ layer["kernel"])[:, 0] + layer["bias"], rtol=1e-4)
        features.append(flat)
    np.testing.assert_allclose(judgement.features, np.concatenate(features, 1), rtol=1e-6)
    first, second = (variables["params"][f"discriminators_{i}"]["Dense_0"]["kernel"][:8] for i in range(2))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.99

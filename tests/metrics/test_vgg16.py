import jax
import numpy as np
import pytest

from ganscape.metrics.encoders.vgg16 import NETWORK, arrange, features, prepare

torch = pytest.importorskip("torch")
F = torch.nn.functional


def by_torch(state, x):
    """FC7 after its ReLU, for x [n, 3, 224, 224]: configuration D, the layers in torchvision's order."""
    with torch.no_grad():
        place = 0
        for width in (64, 64, "pool", 128, 128, "pool", *(256,) * 3, "pool", *(512,) * 3, "pool", *(512,) * 3, "pool"):
            if width == "pool":
                x, place = F.max_pool2d(x, 2), place + 1
            else:
                x = F.relu(F.conv2d(x, state[f"features.{place}.weight"], state[f"features.{place}.bias"], padding=1))
                place += 2
        x = torch.flatten(x, 1)
        for place in (0, 3):
            x = F.relu(F.linear(x, state[f"classifier.{place}.weight"], state[f"classifier.{place}.bias"]))
    return x.numpy()


def test_fc7_is_that_of_a_pytorch_network(random_tensors):
    """With an eighth of the channels; the layers take their widths from the weights."""
    eighths = {
        name: tuple(size // 8 if size % 8 == 0 else size for size in shape) for name, shape in NETWORK.shapes.items()
    }
    tensors = random_tensors(eighths)
    images = np.random.default_rng(0).random((2, 30, 40, 3), dtype=np.float32)
    resized = F.interpolate(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()), (224, 224), mode="bilinear")
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normal = (resized - mean.reshape(3, 1, 1)) / deviation.reshape(3, 1, 1)
    expected = by_torch({name: torch.from_numpy(values) for name, values in tensors.items()}, normal)
    found = jax.jit(lambda layers, x: features(layers, prepare(x)))(arrange(tensors), images)
    assert found.shape == (2, 512)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * expected.max())


def test_a_gray_image_is_prepared_as_the_same_in_three_channels():
    gray = np.random.default_rng(0).random((1, 9, 9, 1), dtype=np.float32)
    np.testing.assert_array_equal(prepare(gray), prepare(np.repeat(gray, 3, axis=-1)))


def test_the_network_has_the_tensors_of_configuration_d():
    """13 convolutions and 3 dense layers: the 138,357,544 numbers that torchvision states."""
    assert len(NETWORK.shapes) == 32
    assert sum(int(np.prod(shape)) for shape in NETWORK.shapes.values()) == 138_357_544

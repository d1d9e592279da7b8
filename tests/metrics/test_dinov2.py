import math

import jax
import numpy as np
import pytest
from scipy.special import erf, softmax

from ganscape.metrics import MetricError, encoders, make_encoder
from ganscape.metrics.encoders import dinov2
from ganscape.metrics.encoders.conversion import contents, encoder_facts
from ganscape.metrics.encoders.dinov2 import (
    VARIANTS,
    features,
    position_matrix,
    prepare,
    stack_layers,
    with_authors_names,
)
from ganscape.metrics.encoders.weight_files import load_weights, save_weights

WIDTH, HEADS = 128, 2


@pytest.fixture(scope="module")
def tensors():
    """Random weights of a network of two blocks and a third of the width of ViT-S, by the authors' names."""
    shapes = dict(dinov2._shapes(WIDTH))
    rng = np.random.default_rng(0)
    kept = {
        name: shape for name, shape in shapes.items() if not name.startswith("blocks.") or name[7:9] in ("0.", "1.")
    }
    return {name: random(rng, name, shape) for name, shape in kept.items()}


def random(rng, name, shape):
    mean, deviation = (1, 0.2) if ("norm" in name and "weight" in name) or "gamma" in name else (0, 0.3)
    fan_in = np.prod(shape[1:]) if name.endswith("weight") and len(shape) > 1 else 1
    return rng.normal(mean, deviation / math.sqrt(fan_in) * (3 if fan_in > 1 else 1), shape).astype(np.float32)


def in_float64(tensors, images):
    """The class token of prepared images [n, 224, 224, 3], one patch, head and position at a time."""
    weights = {name: values.astype(np.float64) for name, values in tensors.items()}

    def dense(name, x):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(name, x):
        deviations = x - x.mean(axis=-1, keepdims=True)
        return (
            deviations / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6) * weights[f"{name}.weight"]
            + weights[f"{name}.bias"]
        )

    classes = []
    for image in images.astype(np.float64):
        tokens = [weights["cls_token"][0, 0]]
        for row in range(0, 224, 14):
            for column in range(0, 224, 14):
                patch = image[row : row + 14, column : column + 14].transpose(2, 0, 1)
                tokens.append(
                    np.tensordot(weights["patch_embed.proj.weight"], patch, 3) + weights["patch_embed.proj.bias"]
                )
        x = np.array(tokens) + positions(weights["pos_embed"][0])
        for block in ("blocks.0", "blocks.1"):
            heads = np.split(dense(f"{block}.attn.qkv", norm(f"{block}.norm1", x)), 3 * HEADS, axis=1)
            mixed = [
                softmax(heads[head] @ heads[HEADS + head].T / 8, axis=1) @ heads[2 * HEADS + head]
                for head in range(HEADS)
            ]
            x = x + weights[f"{block}.ls1.gamma"] * dense(f"{block}.attn.proj", np.concatenate(mixed, axis=1))
            hidden = dense(f"{block}.mlp.fc1", norm(f"{block}.norm2", x))
            hidden = hidden * (1 + erf(hidden / math.sqrt(2))) / 2
            x = x + weights[f"{block}.ls2.gamma"] * dense(f"{block}.mlp.fc2", hidden)
        classes.append(norm("norm", x)[0])
    return np.array(classes)


def positions(embeddings):
    """Embeddings [1 + 37 * 37, d] for 16x16 patches: each by four samples of each direction, edges repeated."""
    grid, wanted = embeddings[1:].reshape(37, 37, -1), []
    samples = [taps((place + 0.5) * 37 / 16.1 - 0.5) for place in range(16)]
    for rows in samples:
        for columns in samples:
            wanted.append(sum(a * b * grid[row, column] for row, a in rows for column, b in columns))
    return np.concatenate([embeddings[:1], wanted])


def taps(coordinate):
    """(sample, weight) of cubic convolution with a = -0.75 in PyTorch's form."""
    low = math.floor(coordinate)
    a, t = -0.75, coordinate - low

    def outer(x):
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    def inner(x):
        return ((a + 2) * x - (a + 3)) * x * x + 1

    weights = outer(t + 1), inner(t), inner(1 - t), outer(2 - t)
    return [(min(max(low + offset, 0), 36), weight) for offset, weight in zip((-1, 0, 1, 2), weights, strict=True)]


def test_features_are_those_of_the_same_network_in_float64(tensors):
    images = np.random.default_rng(1).random((2, 30, 40, 3), dtype=np.float32)
    prepared = np.asarray(prepare(images))
    expected = in_float64(tensors, prepared)
    found = jax.jit(features)(stack_layers(tensors), prepared)
    assert found.shape == (2, WIDTH)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * expected.std())
    assert np.abs(expected[0] - expected[1]).max() > 0.1 * expected.std()


def test_positions_of_the_trained_grid_are_left_alone_and_others_interpolated():
    assert np.array_equal(position_matrix(16, 16), np.eye(16))
    np.testing.assert_allclose(position_matrix(37, 16).sum(axis=1), 1)


def test_features_are_those_of_hugging_face_s_network_whose_names_are_understood():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": HEADS}
    model = transformers.Dinov2Model(transformers.Dinov2Config(image_size=224, patch_size=14, **sizes)).eval()
    rng = np.random.default_rng(2)
    state = {name: random(rng, name, tuple(values.shape)) for name, values in model.state_dict().items()}
    model.load_state_dict({name: torch.from_numpy(values) for name, values in state.items()})
    prepared = np.asarray(prepare(np.random.default_rng(3).random((2, 224, 224, 3), dtype=np.float32)))
    with torch.no_grad():
        expected = model(torch.from_numpy(prepared.transpose(0, 3, 1, 2).copy())).pooler_output.numpy()
    found = jax.jit(features)(stack_layers(with_authors_names(state)), prepared)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * expected.std())


def test_positions_are_interpolated_as_by_pytorch_with_the_authors_ratio():
    torch = pytest.importorskip("torch")
    grid = np.random.default_rng(4).normal(size=(37, 37))
    ratio = 16.1 / 37
    resized = torch.nn.functional.interpolate(
        torch.tensor(grid)[None, None], scale_factor=(ratio, ratio), mode="bicubic"
    )
    matrix = position_matrix(37, 16)
    np.testing.assert_allclose(matrix @ grid @ matrix.T, resized[0, 0].numpy(), atol=1e-5)


def hugging_face(tensors):
    """The tensors by the names of Hugging Face's files, with the mask token that only training needs."""
    named = {"embeddings.mask_token": np.zeros((1, WIDTH), np.float32)}
    plain = {"cls_token": "embeddings.cls_token", "pos_embed": "embeddings.position_embeddings"}
    for name, values in tensors.items():
        if name in plain:
            named[plain[name]] = values
        elif name.startswith("patch_embed"):
            named[name.replace("patch_embed.proj", "embeddings.patch_embeddings.projection")] = values
        elif name.startswith("norm."):
            named[f"layer{name}"] = values
        else:
            _, number, part = name.split(".", 2)
            own = f"encoder.layer.{number}."
            if part.startswith("attn.qkv"):
                for piece, third in zip(("query", "key", "value"), np.split(values, 3), strict=True):
                    named[own + part.replace("attn.qkv", f"attention.attention.{piece}")] = third
            else:
                part = part.replace("attn.proj", "attention.output.dense").replace(".gamma", ".lambda1")
                named[own + part.replace("ls1", "layer_scale1").replace("ls2", "layer_scale2")] = values
    return named


def test_files_of_all_publications_have_one_fingerprint_and_are_told_apart(tensors, tmp_path, monkeypatch):
    small = VARIANTS["dinov2_vits14"]._replace(shapes={name: values.shape for name, values in tensors.items()})
    found = set()
    for number, own in enumerate((tensors, hugging_face(tensors))):
        folder = tmp_path / str(number)
        folder.mkdir()
        save_weights(folder / "dinov2_vits14.safetensors", own, {})
        monkeypatch.setenv("GANSCAPE_WEIGHTS", str(folder))
        read = load_weights(small)
        assert read.tensors.keys() == tensors.keys()
        found.add(read.sha256)
    assert len(found) == 1
    broken = {
        name: values for name, values in hugging_face(tensors).items() if ".0.attention.attention.key.w" not in name
    }
    save_weights(tmp_path / "0" / "broken.safetensors", broken, {})
    monkeypatch.setitem(encoders.NETWORKS, "dinov2_vits14", small)
    with pytest.raises(MetricError, match=r"blocks.0.attn.qkv.weight is 256x128, not 384x128 as in dinov2_vits14"):
        contents(tmp_path / "0" / "broken.safetensors")
    whole = contents(tmp_path / "1" / "dinov2_vits14.safetensors")
    assert whole.network.name == "dinov2_vits14" and "no hash of the published file is known" in whole.origin


def test_without_weights_it_is_said_where_they_are(no_weights):
    with pytest.raises(
        MetricError, match=r"get dinov2_vitb14_pretrain.pth from https://dl.fbaipublicfiles.com/dinov2/"
    ):
        make_encoder("fd_dinov2_vitb14", (32, 32, 3))
    facts = dict(encoder_facts("dinov2_vits14"))
    assert facts["found"] == "absent" and "not known" in facts["sha256 of that file"]


def test_the_networks_have_as_many_numbers_as_published():
    """22.06 and 86.58 million, as Hugging Face counts them with the mask token."""
    counts = {
        name: sum(math.prod(shape) for shape in network.shapes.values()) + dinov2.WIDTHS[name]
        for name, network in VARIANTS.items()
    }
    assert counts == {"dinov2_vits14": 22_056_576, "dinov2_vitb14": 86_580_480}

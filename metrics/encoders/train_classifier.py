"""Trains the classifier of an encoder and writes its weights.

    python -m ganscape.metrics.encoders.train_classifier digits DATA.npz OUT.safetensors

DATA.npz holds train_images, test_images (uint8 [n, height, width, channels]) and train_labels, test_labels (integers).
The printed sha256 goes into `classifier.SHA256`; it is part of the protocol, so scores by other weights do not
compare.
"""

import argparse
import json
import math
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import safetensors.numpy

from ganscape.metrics.encoders.classifier import CLASSIFIERS, ClassifierLayout, logits

VERSION = 1  # of this script; raise it when the weights it writes change


class Recipe(NamedTuple):
    epochs: int
    batch_size: int
    learning_rate: float  # at the start; falls to 0 along a cosine
    weight_decay: float
    shift: int  # training images are moved by up to so many pixels


RECIPES = {
    #                epochs batch learning rate weight decay shift
    "digits": Recipe(120,   50,   2e-3,         1e-2,        1),
    "mnist":  Recipe(12,    100,  2e-3,         1e-2,        1),
    "mnist16": Recipe(12,   100,  2e-3,         1e-2,        1),
}  # fmt: skip


def initial_weights(architecture: ClassifierLayout, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Returns normal kernels of variance 2 / fan_in (He et al. 2015) and zero biases, all float32."""
    height, width, channels = architecture.image_shape
    sizes = {}
    for layer, (size, stride) in enumerate(zip(architecture.kernels, architecture.strides, strict=True), start=1):
        sizes[f"conv{layer}"] = (size * size * channels, architecture.channels[layer - 1])
        channels = architecture.channels[layer - 1]
        height, width = math.ceil(height / stride), math.ceil(width / stride)
    sizes["dense"] = (height * width * channels, architecture.features)
    sizes["logits"] = (architecture.features, architecture.classes)
    kernels = {f"{k}/kernel": rng.normal(0, math.sqrt(2 / s[0]), s).astype(np.float32) for k, s in sizes.items()}
    return kernels | {f"{k}/bias": np.zeros(s[1], np.float32) for k, s in sizes.items()}


def shift_randomly(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Returns images [n, height, width, channels], each shifted by up to `most` pixels and filled with zeros."""
    height, width = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    rows = rng.integers(2 * most + 1, size=(len(images), 1, 1)) + np.arange(height)[:, None]
    columns = rng.integers(2 * most + 1, size=(len(images), 1, 1)) + np.arange(width)
    return padded[np.arange(len(images))[:, None, None], rows, columns]


def train_classifier(
    architecture: ClassifierLayout, recipe: Recipe, images: np.ndarray, labels: np.ndarray, *, seed: int
) -> dict[str, np.ndarray]:
    """Returns the weights after training on images (uint8 [n, height, width, channels]) and labels (integers [n])."""
    rng = np.random.default_rng(seed)
    steps = len(images) // recipe.batch_size
    rate = optax.cosine_decay_schedule(recipe.learning_rate, recipe.epochs * steps)
    optimizer = optax.adamw(rate, weight_decay=recipe.weight_decay)
    weights = initial_weights(architecture, rng)
    state = optimizer.init(weights)

    @jax.jit
    def epoch(carry, images, labels):
        return jax.lax.scan(step, carry, (images, labels))

    def step(carry, batch):
        weights, state = carry
        loss, gradients = jax.value_and_grad(mean_loss)(weights, *batch)
        updates, state = optimizer.update(gradients, state, weights)
        return (optax.apply_updates(weights, updates), state), loss

    def mean_loss(weights, images, labels):
        scores = logits(architecture, weights, images.astype(jnp.float32) / 255)
        return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()

    for number in range(recipe.epochs):
        order = rng.permutation(len(images))[: steps * recipe.batch_size].reshape(steps, recipe.batch_size)
        shifted = shift_randomly(images, recipe.shift, rng)
        (weights, state), losses = epoch((weights, state), shifted[order], labels[order].astype(np.int32))
        print(f"epoch {number + 1} of {recipe.epochs}: loss {losses.mean():.4f}", flush=True)
    return {name: np.asarray(value) for name, value in weights.items()}


def accuracy(
    architecture: ClassifierLayout, weights: dict[str, np.ndarray], images: np.ndarray, labels: np.ndarray
) -> float:
    """Returns the fraction of images (uint8) whose largest logit is at their label."""
    classify = jax.jit(lambda batch: logits(architecture, weights, batch.astype(jnp.float32) / 255).argmax(axis=-1))
    batches = np.array_split(np.arange(len(images)), math.ceil(len(images) / 1000))
    return sum(int((classify(images[i]) == labels[i]).sum()) for i in batches) / len(images)


def weights_file(weights: dict[str, np.ndarray], card: dict[str, str]) -> bytes:
    """Returns a safetensors file with one metadata entry, "card": several would be written in random order."""
    return safetensors.numpy.save(weights, metadata={"card": json.dumps(card)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(CLASSIFIERS))
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with np.load(arguments.data, allow_pickle=False) as file:
        data = {name: file[name] for name in ("train_images", "train_labels", "test_images", "test_labels")}
    architecture = CLASSIFIERS[arguments.name]
    weights = train_classifier(
        architecture, RECIPES[arguments.name], data["train_images"], data["train_labels"], seed=arguments.seed
    )
    test_accuracy = accuracy(architecture, weights, data["test_images"], data["test_labels"])
    card = {
        "test_accuracy": f"{test_accuracy:.4f}",
        "trained_by": f"metrics.encoders.train_classifier version {VERSION}, seed {arguments.seed}",
        "data": f"{arguments.name}: {len(data['train_images'])} train, {len(data['test_images'])} test images",
        "train_images_sha256": sha256(data["train_images"].tobytes()).hexdigest(),
    }
    content = weights_file(weights, card)
    arguments.out.write_bytes(content)
    print(card, f"sha256 {sha256(content).hexdigest()}", f"{len(content)} bytes", sep="\n")


if __name__ == "__main__":
    main()

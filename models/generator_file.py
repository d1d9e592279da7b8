"""Saves a trained generator with its config in one file, and loads it as a function from keys to images.

The format is safetensors: named arrays after a JSON header; reading it executes nothing.
"""

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import Array

from ganscape.errors import UserError
from ganscape.files import replacing
from ganscape.models import sampling
from ganscape.models.architectures import build
from ganscape.models.config import Config, ConfigError
from ganscape.models.family import SamplingWeights
from ganscape.models.initialization import variable_shapes
from ganscape.models.networks import input_shapes
from ganscape.models.normalizations import STATISTICS

FORMAT = "ganscape generator 1"
SEPARATOR = "/"


class GeneratorError(UserError):
    """A generator file that cannot be used; the message is one line."""


class SavedGenerator:
    """A saved generator: a function (key, count) -> images.

    config: the config that it was trained with.
    weights: its SamplingWeights.
    image_shape: height, width, channels.
    card: further facts saved with it; for the generator of a sweep its trial, data, protocol and score.
    """

    def __init__(self, config: Config, weights: SamplingWeights, image_shape: tuple[int, int, int], card: dict):
        self.config, self.weights, self.image_shape, self.card = config, weights, image_shape, card

    def __call__(
        self,
        key: Array,
        count: int,
        *,
        label: int | None = None,
        truncation: float | None = None,
        originals: Array | np.ndarray | None = None,
    ) -> Array:
        """Returns images [count, height, width, channels] in [0, 1] from random latents.

        label: the class of all images; by default each image is of a random class.
        truncation: the largest magnitude of a latent's coordinates, for generators trained on normal latents.
        originals: for a generator of family completion, the images [count, height, width, channels] in [0, 1] that it
          completes, after holes are drawn from the key.

        Raises:
          ConfigError: for a class that the generator does not have, a truncation of latents that are not normal, and
            a generator that completes images without any, or without `count` of its size.
        """
        self._check(label)
        self._check_originals(count, originals)
        return _sample(self.traced, self.weights, key, label, truncation, originals, self.image_shape, count)

    def walk(self, key: Array, count: int, *, label: int | None = None, truncation: float | None = None) -> Array:
        """Returns images [count, height, width, channels] along the path between two random latents, both included."""
        self._check(label)
        return _interpolate(self.traced, self.weights, key, label, truncation, self.image_shape, count)

    @property
    def completes(self) -> bool:
        """Whether it completes images in place of making them from latents."""
        return self.config.mask is not None

    @property
    def traced(self) -> Config:
        """The config with its numbers as float32, as in training."""
        return jax.tree.map(np.float32, self.config)

    def _check(self, label: int | None) -> None:
        classes = self.config.classes
        if label is not None and classes is None:
            raise ConfigError(f"class {label} of a generator without classes; it is not conditional")
        if label is not None and not 0 <= label < classes:
            raise ConfigError(f"class {label} is none of the generator's {classes}: 0 to {classes - 1}")

    def _check_originals(self, count: int, originals) -> None:
        if not self.completes and originals is not None:
            raise ConfigError(
                f"a generator of family {self.config.family!r} makes images from latents: none to complete"
            )
        if self.completes and originals is not None and originals.shape != (count, *self.image_shape):
            given, taken = ("x".join(map(str, shape)) for shape in (originals.shape, (count, *self.image_shape)))
            raise ConfigError(f"images of {given} to complete; this generator takes {taken}")


@functools.partial(jax.jit, static_argnums=(6, 7))
def _sample(config: Config, weights, key, label, truncation, originals, image_shape, count):
    return sampling.sample(config, weights, image_shape, key, count, label, truncation, originals)


@functools.partial(jax.jit, static_argnums=(5, 6))
def _interpolate(config: Config, weights, key, label, truncation, image_shape, count):
    return sampling.interpolate(config, weights, image_shape, key, count, label, truncation)


def save_generator(
    path: str | Path,
    config: Config,
    state: Any,
    image_shape: tuple[int, int, int],
    card: Mapping[str, Any] | None = None,
) -> int:
    """Writes the sampling weights of a state to a file, atomically. Returns the number of bytes.

    Args:
      state: a training state of the config's family, or SamplingWeights.
      card: JSON-serializable facts to save with it.
    """
    from safetensors.numpy import save

    arrays = _by_name(jax.device_get(sampling.weights_of(config, state)))
    header = {
        "format": FORMAT,
        "config": json.dumps(config.to_dict()),
        "image_shape": json.dumps(list(image_shape)),
        "card": json.dumps(dict(card or {})),
        "sha256": hash_arrays(arrays),
    }
    content = save(arrays, header)
    with replacing(path) as file:
        file.write(content)
    return len(content)


def load_generator(path: str | Path) -> SavedGenerator:
    """Returns the generator in a file of `save_generator`, a function (key, count) -> images.

    Raises:
      GeneratorError: for a file that is missing, of another kind, damaged, or written by a version whose networks have
        other arrays.
    """
    header, arrays = _read(Path(path))
    config, image_shape, card, template = _facts(header, path)
    expected = dict(zip(_names(template), jax.tree.leaves(template), strict=True))
    if {name: array.shape for name, array in arrays.items()} != {name: leaf.shape for name, leaf in expected.items()}:
        version = f"a version of Ganscape whose {config.architecture} has other weights"
        raise GeneratorError(f"'{path}' was written by {version}")
    if hash_arrays(arrays) != header.get("sha256"):
        raise GeneratorError(f"'{path}' is damaged: its weights are not those that were written")
    weights = jax.tree.unflatten(jax.tree.structure(template), [arrays[name] for name in expected])
    return SavedGenerator(config, weights, image_shape, card)


def _facts(
    header: Mapping[str, str], path: str | Path
) -> tuple[Config, tuple[int, int, int], dict[str, Any], SamplingWeights]:
    """Returns what the header of a file says: config, image shape and card, and the shapes of the config's weights."""
    try:
        config = Config.from_dict(json.loads(header["config"]))
        height, width, channels = json.loads(header["image_shape"])
        card = dict(json.loads(header["card"]))
        return config, (height, width, channels), card, weight_shapes(config, (height, width, channels))
    except ConfigError as error:
        needs = "needs another version of Ganscape, or a module from outside that is not imported"
        raise GeneratorError(f"'{path}' {needs}: {error}") from error
    except Exception as error:  # a header may say anything, and networks cannot be built of anything
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise GeneratorError(f"'{path}' is damaged, or was written by another version of Ganscape: {reason}") from error


def _read(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise GeneratorError(f"no generator at '{path}': there is no such file")
    try:
        with safe_open(path, "numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise GeneratorError(f"'{path}' is damaged or no generator's file: {reason}") from error
    if header.get("format") != FORMAT:
        raise GeneratorError(f"'{path}' is a safetensors file, but not of a generator that this version saves")
    return header, arrays


def weight_shapes(config: Config, image_shape: tuple[int, int, int]) -> SamplingWeights:
    """Returns the shapes and types of the sampling weights of a config."""
    generator, (inputs, _) = build(config, image_shape).generator, input_shapes(config, image_shape)
    variables = variable_shapes(generator, inputs, classes=config.classes)
    images_seen: Any = jax.ShapeDtypeStruct((), np.float32)
    return SamplingWeights(variables["params"], variables.get(STATISTICS, {}), images_seen)


def _by_name(weights: SamplingWeights) -> dict[str, np.ndarray]:
    leaves = jax.tree.leaves(weights)
    return {name: np.asarray(leaf, np.float32, order="C") for name, leaf in zip(_names(weights), leaves, strict=True)}


def _names(weights: SamplingWeights) -> list[str]:
    """Returns the name of every array, its path such as params/dense0/kernel."""
    paths, _ = jax.tree_util.tree_flatten_with_path(weights)
    return [SEPARATOR.join(str(getattr(key, "name", getattr(key, "key", key))) for key in path) for path, _ in paths]


def hash_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """Returns the SHA-256 of the names and bytes of arrays."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()

"""The registries as fixtures, so that a new entry is tested by existing, and the smallest pair of networks."""

import dataclasses
import math

import flax.linen as nn
import jax
import numpy as np
import pytest

from ganscape.models import Config
from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.architectures.architecture import Architecture, Networks, NetworkSpec
from ganscape.models.architectures.base import DiscriminatorBase, GeneratorBase
from ganscape.models.architectures.layers import Dense, leaky_relu
from ganscape.models.forward import TRAINING
from ganscape.models.initialization import he_normal
from ganscape.models.losses import LOSSES
from ganscape.models.normalizations import NORMALIZATIONS
from ganscape.models.optimizers import OPTIMIZERS
from ganscape.models.penalties import PENALTIES
from ganscape.models.projections import PROJECTIONS


@pytest.fixture(scope="module", autouse=True)
def _compile_quickly():
    """Programs run for milliseconds here and compile for seconds: most of the compiler's optimisations are off."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(params=sorted(ARCHITECTURES))
def architecture(request):
    return request.param


@pytest.fixture(params=sorted(LOSSES))
def loss(request):
    return request.param


@pytest.fixture(params=sorted(NORMALIZATIONS))
def normalization(request):
    return request.param


@pytest.fixture(params=sorted(OPTIMIZERS))
def optimizer(request):
    return request.param


@pytest.fixture(params=sorted(PENALTIES))
def penalty(request):
    return request.param


@pytest.fixture(params=sorted(PROJECTIONS))
def projection(request):
    return request.param


class Generator(GeneratorBase):
    """One layer, normalised."""

    image_shape: tuple[int, int, int]

    @nn.compact
    def __call__(self, z, context=TRAINING):
        x = Dense(math.prod(self.image_shape), he_normal, self.normalization)(self.append_classes(z, context))
        return self.activate(x, "norm", context, jax.nn.sigmoid, 0.9, 1e-5).reshape(-1, *self.image_shape)


class Discriminator(DiscriminatorBase):
    """One hidden layer of eight units, normalised as 2x2 pixels of two channels."""

    @nn.compact
    def __call__(self, images, context=TRAINING):
        x = self.append_classes(images, context)
        x = Dense(8, he_normal, self.normalization)(x.reshape(x.shape[0], -1)).reshape(-1, 2, 2, 2)
        x = leaky_relu(self.normalize(x, "norm", 0.9, 1e-5))
        return self.compute_output(x.reshape(-1, 8), context, he_normal)


@pytest.fixture
def tiny(monkeypatch):
    """The name of an architecture that compiles quickly."""

    def build(config, image_shape):
        spec = NetworkSpec.of(config)
        return Networks(Generator(spec, image_shape), Discriminator(spec))

    known = tuple(NORMALIZATIONS)
    architecture = Architecture(build, "all images", lambda shape: True, known, ("batch_norm", *known))
    monkeypatch.setitem(ARCHITECTURES, "tiny", architecture)
    return "tiny"


@pytest.fixture
def complete():
    """(settings) -> a config of them, with 0.1 for every number that they make necessary."""

    def make(**settings) -> Config:
        for field in dataclasses.fields(Config):
            only = None if field.metadata.get("optional") else field.metadata.get("only")
            chosen = settings.get(only.field) if only else None
            if chosen is not None and field.metadata["when"] is None and only.allows(chosen):
                settings.setdefault(field.name, 0.1 if field.metadata["number"] else field.metadata["low"])
        return Config.from_dict(settings)

    return make


@pytest.fixture
def double():
    """Arithmetic in float64, and a function that turns a tree's floats into it: exact zeros stay far below
    Adam's epsilon, which would blow up the rounding of float32."""

    def cast(tree):
        return jax.tree.map(lambda x: np.float64(x) if np.issubdtype(np.asarray(x).dtype, np.floating) else x, tree)

    with jax.enable_x64(True):
        yield cast

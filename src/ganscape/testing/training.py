"""The contracts of what trains: architectures, families, executors. They are checked by the name of the entry."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganscape.models import Config

SHAPES = ((8, 8, 1), (16, 16, 1), (28, 28, 1), (32, 32, 3), (48, 48, 3), (64, 64, 3), (128, 128, 3), (256, 256, 3))
# family -> the settings that it asks for, and those that it cannot have
NEEDED_BY: dict[str, dict[str, Any]] = {"completion": {"mask": "box", "z_dim": None}}


def check_architecture(name: str) -> None:
    """An architecture accepts images of some usual shape and can be trained in each of its families; its networks run
    with every normalization, upsampling and attention that it offers, return images and logits of the right shape, and
    keep the form of their statistics. Nothing is computed; shapes are traced."""
    from ganscape.models.architectures import ARCHITECTURES
    from ganscape.models.rules import check_images

    architecture, shape = ARCHITECTURES[name], smallest_shape(name)
    for family in architecture.families:
        check_step(_small(name, family=family), shape)
    if "gan" not in architecture.families:
        return
    for player in ("generator", "discriminator"):
        for normalization in getattr(architecture, f"{player}_normalizations"):
            check_network(_small(name, **{f"{player}_normalization": normalization}), shape, player)
        for height in architecture.attention(shape):
            config = _small(name, attention=height)
            check_images(config, shape)
            check_network(config, shape, player)
    for upsampling in architecture.upsamplings:
        check_network(_small(name, upsampling=upsampling), shape, "generator")


def check_family(name: str) -> None:
    """There is an architecture with networks for the family, and with each of them a step keeps the form of the state,
    its logs are the scalars announced, and its samples are images."""
    from ganscape.models.architectures import ARCHITECTURES

    having = [each for each, architecture in ARCHITECTURES.items() if name in architecture.families]
    assert having, f"no architecture has networks for family {name!r}: register one with families=({name!r},)"
    for architecture in having:
        check_step(_small(architecture, family=name), smallest_shape(architecture))


def check_executor(name: str) -> None:
    """An executor has the workers asked for, and when it returns, every trial has its scores and no worker is left: a
    small study is trained by it, on digits, in a minute or less."""
    import multiprocessing
    import tempfile

    import ganscape

    with tempfile.TemporaryDirectory() as folder:
        results = ganscape.run(
            "equal/wide",
            out=folder,
            methods=["vae"],
            executor=name,
            workers=1,
            seeds=1,
            settings={"configs": 2, "images": 640, "interval": 640, "samples": 400},
            progress=False,
        )
        status = results.trials()["status"].tolist()
        assert status == ["done", "done"], f"executor {name!r} returned when its trials were {status}"
        assert all(map(math.isfinite, results.scores()["value"]))
    assert not multiprocessing.active_children(), "a worker is left"


def smallest_shape(name: str) -> tuple[int, int, int]:
    """Returns the smallest usual shape of images that an architecture accepts."""
    from ganscape.models.architectures import ARCHITECTURES

    accepted = [shape for shape in SHAPES if ARCHITECTURES[name].accepts(shape)]
    assert accepted, f"architecture {name!r} accepts none of the shapes {SHAPES}"
    return accepted[0]


def check_step(config: "Config", image_shape: tuple[int, int, int]) -> None:
    """A step of the config's family keeps the state's form, so that it can be repeated inside a loop; its logs are the
    scalars announced; samples and walks are images, and the kept weights have the shapes that a file of them has."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from ganscape.models import FAMILIES, sampling
    from ganscape.models.generator_file import weight_shapes
    from ganscape.sweep.population import images_per_cycle

    family = FAMILIES[config.family]
    state = family.init(config, image_shape, np.array([1, 2], np.uint32))
    images = jax.ShapeDtypeStruct((images_per_cycle(config), *image_shape), jnp.float32)
    labels = jax.ShapeDtypeStruct((images_per_cycle(config),), jnp.int32)
    key = jax.ShapeDtypeStruct((2,), jnp.uint32)
    stepped, logs = jax.eval_shape(family.step, config, state, images, key, labels)
    assert _shapes(stepped) == _shapes(state), "a step changes the form of the state"
    assert set(logs) == set(family.logs), f"a step logs {sorted(logs)}, not {sorted(family.logs)}"
    assert logs and all(jnp.shape(value) == () for value in logs.values()), "logs are scalars"
    originals = jnp.zeros((5, *image_shape))
    makers = [lambda state, key: sampling.sample(config, state, image_shape, key, 5, originals=originals)]
    if config.mask is None:
        makers.append(lambda state, key: sampling.interpolate(config, state, image_shape, key, 5))
    for make in makers:
        made = jax.eval_shape(make, state, key)
        assert (made.shape, made.dtype) == ((5, *image_shape), jnp.float32), "samples and walks are images"
    assert _shapes(weight_shapes(config, image_shape)) == _shapes(sampling.weights_of(config, state))


def check_network(config: "Config", image_shape: tuple[int, int, int], player: str) -> None:
    """A generator returns images, a discriminator logits; statistics keep their form.

    player: "generator" or "discriminator".
    """
    import flax.linen as nn
    import jax
    import jax.numpy as jnp

    from ganscape.models.architectures import build
    from ganscape.models.forward import Context
    from ganscape.models.networks import input_shapes
    from ganscape.models.normalizations import STATISTICS

    place = ("generator", "discriminator").index(player)
    network = build(config, image_shape)[place]
    inputs = jax.ShapeDtypeStruct(input_shapes(config, image_shape)[place], jnp.float32)
    context = Context(classes=None if config.classes is None else jnp.zeros((config.batch_size, config.classes)))

    def initialize_and_apply(key: Any, inputs: Any) -> tuple[Any, Any, Any]:
        variables = nn.meta.unbox(network.init(key, inputs, context))
        output, updated = network.apply(variables, inputs, context, mutable=[STATISTICS])
        return output, variables.get(STATISTICS, {}), updated.get(STATISTICS, {})

    output, before, after = jax.eval_shape(initialize_and_apply, jax.random.key(0), inputs)
    assert _shapes(before) == _shapes(after), "statistics change their form"
    expected = (config.batch_size, *image_shape) if player == "generator" else (config.batch_size,)
    result = output if player == "generator" else output.logits
    assert (result.shape, result.dtype) == (expected, jnp.float32)


def _small(architecture: str, **settings: Any) -> "Config":
    """Returns a config that is traced quickly."""
    from ganscape.models import Config
    from ganscape.models.architectures import ARCHITECTURES

    small = {"architecture": architecture, "batch_size": 4, "z_dim": 3, "disc_iters": 2}
    if ARCHITECTURES[architecture].channels:
        small["channels"] = 8
    if any(str(value).startswith("conditional") for value in settings.values()):
        small |= {"conditioning": "projection", "classes": 2}
    return Config.from_dict(small | NEEDED_BY.get(settings.get("family", "gan"), {}) | settings)


def _shapes(tree: Any) -> Any:
    import jax
    import jax.numpy as jnp

    return jax.tree.map(lambda leaf: (jnp.shape(leaf), jnp.result_type(leaf)), tree)

"""The hyperparameter sets that Lucic et al. 2018 trained, drawn again with their seed.

The released code (google/compare_gan, tag v1.0) seeds Python 2's random generator with 123. For each model in a fixed
order it takes the default set, then 99 or 49 draws. A draw takes one random number per parameter in alphabetical order
of their names, even for ranges with a single value. Python 2's `choice` of n options is int(random() * n), unlike
Python 3's; seeding and `random` are the same in both.
"""

import functools
import random
import struct
from typing import NamedTuple

from ganscape.search_spaces.dimensions import StudyError, Value
from ganscape.search_spaces.equal import SPACES
from ganscape.search_spaces.space import Space

SEED = 123
COUNTS = {"equal/wide": 100, "equal/narrow": 50}


class _Range(NamedTuple):
    """A parameter in the released code: options if discrete, else the ends of a range, of log10 if `log`."""

    values: tuple
    discrete: bool
    log: bool = False


_BETA1 = {"wide": _Range((0.0, 1.0), False), "narrow": _Range((0.5,), True)}
_RATE = {"wide": _Range((-5.0, -2.0), False, True), "narrow": _Range((-4.0, -3.0), False, True)}
_ITERS = {"wide": _Range((1, 5), True), "narrow": _Range((1,), True)}
_BATCH_NORM = _Range((True, False), True)
_WEIGHT = {"wide": _Range((-1.0, 2.0), False, True), "narrow": _Range((-1.0, 1.0), False, True)}
_K_RATE = {"wide": _Range((-4.0, -2.0), False, True), "narrow": _Range((-3.0, -3.0), False, True)}
_GAMMA = {"wide": _Range((0.0, 1.0), False), "narrow": _Range((0.6, 0.9), False)}
_CLIPPING = {"wide": _Range((-3.0, 0.0), False, True), "narrow": _Range((-2.0, 0.0), False, True)}
# The models of the released code in its order, under our names, with their parameters beside the four that all have.
_EXTRAS: dict[str, dict[str, dict[str, _Range]]] = {
    "ns_gan": {},
    "mm_gan": {},
    "wgan": {"weight_clipping": _CLIPPING},
    "wgan_gp": {"lambda": _WEIGHT},
    "dragan": {"lambda": _WEIGHT},
    "vae": {},
    "lsgan": {},
    "began": {"gamma": _GAMMA, "lambda": _K_RATE},
}


def published_sets(space: Space) -> list[dict[str, Value]]:
    """Returns the settings that Lucic et al. 2018 trained for the method of this space, the default first.

    100 sets for a space of `equal/wide`, 50 for one of `equal/narrow`. Fields that are fixed in or dropped from the
    space are so in the sets. Raises StudyError for any other space.
    """
    for study, methods in SPACES.items():
        for method, published in methods.items():
            if study in COUNTS and _is_part(space, published):
                draws = [{field: values[field] for field in space.dimensions} for values in _draws(study)[method]]
                return [*space.defaults, *map(space.complete, draws)]
    raise StudyError(
        f"searcher 'original' has the sets of equal/wide and equal/narrow alone; a space with "
        f"{', '.join(map(str, space.dimensions.values())) or 'no ranges'} is in neither"
    )


def _is_part(space: Space, published: Space) -> bool:
    """Returns whether `space` is `published` with some of its dimensions fixed or dropped."""
    same = all(published.dimensions.get(field) == dimension for field, dimension in space.dimensions.items())
    return bool(space.dimensions) and same and all(space.fixed.get(f) == v for f, v in published.fixed.items())


@functools.cache
def _draws(study: str) -> dict[str, list[dict[str, Value]]]:
    """Returns all draws of a study by method, without the defaults, as settings of our fields."""
    generator, kind = random.Random(SEED), study.removeprefix("equal/")
    draws = {}
    for method, extras in _EXTRAS.items():
        ranges = {"beta1": _BETA1[kind], "learning_rate": _RATE[kind], "disc_iters": _ITERS[kind]}
        ranges |= {name: kinds[kind] for name, kinds in extras.items()}
        without_batch_norm = kind == "narrow" and method in ("wgan_gp", "dragan")
        ranges["discriminator_batchnorm"] = _Range((False,), True) if without_batch_norm else _BATCH_NORM
        sets = [{name: _draw(ranges[name], generator) for name in sorted(ranges)} for _ in range(COUNTS[study] - 1)]
        draws[method] = [_translate(method, values) for values in sets]
    return draws


def _draw(parameter: _Range, generator: random.Random) -> Value:
    u = generator.random()
    if parameter.discrete:
        return parameter.values[int(u * len(parameter.values))]
    low, high = parameter.values
    value = low + (high - low) * u
    return _single(10**value if parameter.log else value)


def _single(value: float) -> float:
    """Returns the value rounded to float32, as the released code stores it in its task files."""
    return struct.unpack("f", struct.pack("f", value))[0]


def _translate(method: str, values: dict[str, Value]) -> dict[str, Value]:
    """Returns parameters of the released code as settings of our fields."""
    batch_norm = values.pop("discriminator_batchnorm")
    if "lambda" in values:
        values["k_learning_rate" if method == "began" else "penalty_weight"] = values.pop("lambda")
    return values | {"discriminator_normalization": "batch_norm" if batch_norm else "none"}

"""The sets of hyperparameters that Lucic et al. 2018 trained, drawn again from their seed.

The released code (google/compare_gan, tag v1.0) seeds Python 2's generator with 123, goes through its models in one
order and, for each, through the default set and so many draws; a draw takes one random number per parameter, in the
alphabetical order of the parameters' names, from ranges of one value too. Python 2's `choice` of n options is
int(random() * n), which Python 3's is not; its seeding and `random` are those of Python 3.
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
    """A parameter of the code: options, or else ends of a range, of the exponent of ten where `log` says so."""

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
# The code's models in its order, by our names; what each has beside the four parameters that all have.
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


def original_sets(space: Space) -> list[dict[str, Value]]:
    """The sets that were trained of the method that this space describes: 100 of the wide, 50 of the narrow ranges,
    the default first.

    The space may be `equal/wide`'s or `equal/narrow`'s with fields fixed or left out; those of the sets are then so
    too. StudyError for another space.
    """
    for study, methods in SPACES.items():
        for method, known in methods.items():
            if study in COUNTS and _is_part(space, known):
                drawn = [{field: each[field] for field in space.dimensions} for each in _drawn(study)[method]]
                return [*space.defaults, *map(space.settings, drawn)]
    raise StudyError(
        f"searcher 'original' has the sets of equal/wide and equal/narrow alone; a space with "
        f"{', '.join(map(str, space.dimensions.values())) or 'no ranges'} is in neither"
    )


def _is_part(space: Space, known: Space) -> bool:
    ranges = all(known.dimensions.get(field) == each for field, each in space.dimensions.items())
    return bool(space.dimensions) and ranges and all(space.fixed.get(f) == value for f, value in known.fixed.items())


@functools.cache
def _drawn(study: str) -> dict[str, list[dict[str, Value]]]:
    """All draws of a study by method, in our fields; without the defaults."""
    generator, kind = random.Random(SEED), study.removeprefix("equal/")
    drawn = {}
    for method, extras in _EXTRAS.items():
        ranges = {"beta1": _BETA1[kind], "learning_rate": _RATE[kind], "disc_iters": _ITERS[kind]}
        ranges |= {name: each[kind] for name, each in extras.items()}
        alone = kind == "narrow" and method in ("wgan_gp", "dragan")
        ranges["discriminator_batchnorm"] = _Range((False,), True) if alone else _BATCH_NORM
        sets = [{name: _draw(ranges[name], generator) for name in sorted(ranges)} for _ in range(COUNTS[study] - 1)]
        drawn[method] = [_in_our_fields(method, each) for each in sets]
    return drawn


def _draw(parameter: _Range, generator: random.Random) -> Value:
    u = generator.random()
    if parameter.discrete:
        return parameter.values[int(u * len(parameter.values))]
    low, high = parameter.values
    value = low + (high - low) * u
    return _single(10**value if parameter.log else value)


def _single(value: float) -> float:
    """Rounded to 32 bits, as the files of the code's tasks hold it."""
    return struct.unpack("f", struct.pack("f", value))[0]


def _in_our_fields(method: str, values: dict[str, Value]) -> dict[str, Value]:
    batch_norm = values.pop("discriminator_batchnorm")
    if "lambda" in values:
        values["k_learning_rate" if method == "began" else "penalty_weight"] = values.pop("lambda")
    return values | {"discriminator_normalization": "batch_norm" if batch_norm else "none"}

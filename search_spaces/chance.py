"""overtuning and lottery: what of a score is chance.

overtuning: a search, and then the config that led it after a half, a quarter ... of its configs trained again on fresh
seeds. A longer search reports a lower score; whether it found a better config, the fresh seeds tell.
lottery: every config on several training seeds, all generators kept, so that each can be scored by other samples
(`ganscape calibrate draws`): the variance of a score is split into that of configs, of training and of sampling.

Source: Schneider et al. 2025 (arXiv:2506.19540) for the question of overtuning; arXiv:2606.20536 for that of the
lottery, asked there of diffusion models. Methods, ranges and lengths are those of equal/wide; the numbers of seeds are
ours.
"""

from ganscape.search_spaces.dimensions import Value
from ganscape.search_spaces.equal import SPACES as EQUAL
from ganscape.search_spaces.space import Space
from ganscape.search_spaces.study import Phase, Scale, Study

_METHODS = ("ns_gan", "wgan_gp")
_SPACES = {method: EQUAL["equal/wide"][method] for method in _METHODS}

SPACES: dict[str, dict[str, Space]] = {"overtuning": _SPACES, "lottery": _SPACES}

_COMMON: dict[str, Value] = {"optimizer": "adam", "beta2": 0.999, "batch_size": 64, "z_dim": 64}
_MLP: dict[str, Value] = _COMMON | {"architecture": "mlp"}
_INFOGAN: dict[str, Value] = _COMMON | {"architecture": "infogan"}


def _judged(leaders: int, seeds: int) -> tuple[Phase, ...]:
    return (Phase("fresh", "leaders", leaders, seeds),)


#                    data      settings  configs seeds images     interval   samples  summary
_OVERTUNING_SCALES = {
    "smoke":  Scale("digits",  _MLP,     12,  1,    160_000,    80_000,    None,   "8x8 digits, minutes",
                    phases=_judged(3, 4)),
    "laptop": Scale("digits",  _MLP,     60,  1,    1_000_000,  200_000,   None,   "8x8 digits, an hour",
                    phases=_judged(5, 10)),
    "paper":  Scale("mnist",   _INFOGAN, 120, 1,    1_000_000,  200_000,   10_000, "120 configs, 20 fresh seeds",
                    phases=_judged(6, 20)),
}  # fmt: skip
_LOTTERY_SCALES = {
    "smoke":  Scale("digits",  _MLP,     4,   4,    160_000,    80_000,    None,   "8x8 digits, minutes"),
    "laptop": Scale("digits",  _MLP,     20,  8,    1_000_000,  512_000,   None,   "8x8 digits, an hour"),
    "paper":  Scale("mnist",   _INFOGAN, 25,  10,   1_000_000,  512_000,   10_000, "25 configs on 10 training seeds"),
}  # fmt: skip

STUDIES: dict[str, Study] = {
    "overtuning": Study(
        question="Does searching longer find a better config, once fresh seeds judge?",
        source="after Schneider et al. 2025, arXiv:2506.19540; spaces of arXiv:1711.10337",
        methods=SPACES["overtuning"],
        searcher="random",
        scales=_OVERTUNING_SCALES,
    ),
    "lottery": Study(
        question="How much of a score's variance is the config, how much the training seed, how much the samples?",
        source="after arXiv:2606.20536; spaces of arXiv:1711.10337",
        methods=SPACES["lottery"],
        searcher="random",
        scales=_LOTTERY_SCALES,
    ),
}

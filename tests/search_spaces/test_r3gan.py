"""The study of R3GAN's loss: two losses crossed with the penalties at both kinds of images."""

import itertools

import pytest

from ganscape.models import Config
from ganscape.search_spaces import STUDIES

STUDY = STUDIES["r3gan/loss"]


def test_the_methods_are_both_losses_with_every_choice_of_penalties():
    made_of = {(method.fixed["loss"], method.fixed["penalty"]) for method in STUDY.methods.values()}
    losses, penalties = ("non_saturating", "relativistic"), ("none", "r1", "r2", "r1+r2")
    assert made_of == set(itertools.product(losses, penalties))


@pytest.mark.parametrize("scale", ["smoke", "laptop", "stacked", "paper"])
def test_methods_differ_in_loss_and_penalty_alone(scale):
    configs = [Config.from_dict(STUDY.scales[scale].settings | method.defaults[0]) for method in STUDY.methods.values()]
    different = {"loss", "penalty", "penalty_weight", "penalty_every", "penalty_schedule"}
    rest = {
        str({field: value for field, value in config.to_dict().items() if field not in different}) for config in configs
    }
    assert len({config.identity() for config in configs}) == 8
    assert len(rest) == 1

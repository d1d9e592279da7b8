"""The study of single tricks: what differs between a method and plain is its trick, at every scale and setting."""

import pytest

from ganscape.data import DATASETS
from ganscape.models import Config
from ganscape.search_spaces import STUDIES

STUDY = STUDIES["tricks/alone"]
# The fields in which a method differs from plain: a trick and its numbers.
FIELDS = {
    "ema": {"averaging", "ema_decay"},
    "uniform_average": {"averaging"},
    "historical_averaging": {"historical_averaging", "historical_weight"},
    "diffaugment": {"augmentation"},
    "instance_noise": {"instance_noise", "noise_std"},
    "smoothed_labels": {"label_smoothing", "smoothing"},
    "packing": {"packing"},
    "minibatch_stddev": {"batch_features"},
    "minibatch_discrimination": {"batch_features"},
    "unrolled": {"unrolled_steps", "unrolled_lr"},
    "class_projection": {"conditioning", "classes"},
    "relativistic_r1_r2": {"loss", "penalty", "penalty_weight", "penalty_every", "penalty_schedule"},
}


def settings_of(method):
    """The listed settings of a method, without its trick."""
    return [{field: listed[field] for field in ("learning_rate", "beta1")} for listed in STUDY.methods[method].defaults]


def configs_of(method, name):
    scale, space = STUDY.scales[name], STUDY.at_scale(name).methods[method]
    classes = {"classes": DATASETS[scale.data].classes} if "conditioning" in space.fixed else {}
    return [Config.from_dict(scale.settings | classes | default).to_dict() for default in space.defaults]


def test_all_methods_have_the_same_settings_so_that_scores_pair():
    listed = settings_of("plain")
    assert len({tuple(setting.items()) for setting in listed}) == len(listed) == 8
    assert [method for method in STUDY.methods if settings_of(method) != listed] == []


@pytest.mark.parametrize("scale", STUDY.scales)
def test_a_method_differs_from_plain_in_its_trick_alone(scale):
    assert next(iter(STUDY.methods)) == "plain" and STUDY.methods.keys() == {"plain", *FIELDS}
    for method, fields in FIELDS.items():
        for plain, other in zip(configs_of("plain", scale), configs_of(method, scale), strict=True):
            names = plain.keys() | other.keys()
            assert {name for name in names if plain.get(name) != other.get(name)} == fields, method


@pytest.mark.parametrize("scale", STUDY.scales)
def test_a_plain_network_has_none_of_the_tricks(scale):
    plain = configs_of("plain", scale)[0]
    off = {"averaging", "historical_averaging", "augmentation", "instance_noise", "label_smoothing", "batch_features"}
    off |= {"conditioning", "penalty", "projection", "label_flipping", "discriminator_normalization"}
    assert {plain[field] for field in off} == {"none"}
    assert (plain["packing"], plain["unrolled_steps"], plain["loss"]) == (1, 0, "non_saturating")


def test_all_settings_of_a_method_share_one_program():
    programs = {Config.from_dict(config).structure() for config in configs_of("minibatch_stddev", "laptop")}
    assert len(programs) == 1

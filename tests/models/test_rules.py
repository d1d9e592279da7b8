import pytest

from models import Config, ConfigError
from models.rules import MEANINGLESS

VIRTUAL = {"discriminator_normalization": "virtual_batch_norm"}
CLASSES = {"conditioning": "projection", "classes": 3}
PACKS = {"packing": 4, "batch_size": 4}
FLIPS = {"label_flipping": "random", "flip_probability": 0.1}
CONDITIONAL = {"generator_normalization": "conditional_batch_norm"}
# What is refused, words of why, and what has to change for it to be taken.
CASES = [
    ({"packing": 3}, ["packing=3", "divide", "batch_size=64"], {"batch_size": 66}),
    (PACKS, ["packing=4", "batch_size=4", "two packs"], {"batch_size": 8}),
    ({"packing": 2, **CLASSES}, ["packing=2", "conditioning='projection'"], {"packing": 1}),
    (
        {"loss": "hinge", "label_smoothing": "one_sided"},
        ["label_smoothing='one_sided'", "'hinge'", "minimax"],
        {"loss": "minimax"},
    ),
    (
        {"loss": "wasserstein", **FLIPS},
        ["label_flipping='random'", "'wasserstein'", "non_saturating"],
        {"loss": "least_squares"},
    ),
    (CONDITIONAL, ["'conditional_batch_norm'", "needs a conditioning", "projection"], CLASSES),
    (
        {"discriminator_passes": "joint", **VIRTUAL},
        ["discriminator_passes='joint'", "virtual_batch_norm", "separate"],
        {"discriminator_passes": "separate"},
    ),
    (
        {"batch_features": "minibatch_discrimination", **VIRTUAL},
        ["batch_features='minibatch_discrimination'", "virtual_batch_norm", "reference"],
        {"discriminator_normalization": "batch_norm"},
    ),
    (
        {"batch_features": "minibatch_stddev", "discriminator_passes": "joint"},
        ["minibatch_stddev", "discriminator_passes='joint'", "separate"],
        {"batch_features": "minibatch_discrimination"},
    ),
    ({**VIRTUAL, **CLASSES}, ["virtual_batch_norm", "'projection'"], {"discriminator_normalization": "batch_norm"}),
    (
        {"generator_normalization": "virtual_batch_norm", **CLASSES},
        ["virtual_batch_norm", "'projection'"],
        {"generator_normalization": "batch_norm"},
    ),
]


@pytest.mark.parametrize(("settings", "wanted", "change"), CASES)
def test_a_combination_that_means_nothing_is_refused_and_one_beside_it_is_not(settings, wanted, change):
    with pytest.raises(ConfigError) as caught:
        Config(**settings)
    message = str(caught.value)
    assert "\n" not in message
    for word in wanted:
        assert word in message
    Config(**{**settings, **change})


def test_every_rule_refuses_something():
    def refusal(settings):
        with pytest.raises(ConfigError) as caught:
            Config(**settings)
        return str(caught.value)

    said = [refusal(settings) for settings, _, _ in CASES]
    for _, sentence in MEANINGLESS:
        words = max(sentence.replace("{", "}").split("}")[::2], key=len)
        assert any(words in message for message in said), sentence


@pytest.mark.parametrize("family", ["began", "vae"])
def test_what_does_not_apply_offends_no_rule(family):
    Config(family=family, **VIRTUAL, generator_normalization="virtual_batch_norm", batch_size=2)

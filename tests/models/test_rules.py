import pytest

from ganscape.models import Config, ConfigError
from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.rules import MEANINGLESS, check_images

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
    (
        {"family": "vae", "beta2_schedule": "linear", "beta2_final": 0.5, "beta2_images": 5.0},
        ["beta2_schedule='linear'", "family='vae'", "gan"],
        {"family": "gan"},
    ),
    (
        {"family": "completion", "mask": "box", "sampling_statistics": "standing"},
        ["sampling_statistics='standing'", "family='completion'", "no latents"],
        {"sampling_statistics": "running"},
    ),
    (
        {"warmup": "linear", "warmup_images": 9.0, "learning_rate_schedule": "cosine", "learning_rate_images": 9.0},
        ["warmup_images=9 ", "learning_rate_images=9:", "shorter"],
        {"learning_rate_images": 9.5},
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


def test_more_scales_than_the_images_have_are_refused():
    check_images(Config(discriminator_scales=2), (8, 8, 1))
    with pytest.raises(ConfigError, match=r"discriminator_scales=4: .* 12x12 divided by 8 is not; at most 3"):
        check_images(Config(discriminator_scales=4), (12, 12, 1))


def test_attention_where_there_is_none_is_refused():
    with pytest.raises(ConfigError, match=r"attention=4: architecture 'mlp' has no such height .* it has: none"):
        check_images(Config(attention=4), (8, 8, 1))


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (64, 64, 3), (8, 12, 1), (500, 500, 3)])
def test_images_that_do_not_fit_are_refused_with_the_architectures_that_do(shape):
    fitting = [name for name in ARCHITECTURES if ARCHITECTURES[name].accepts(shape)]
    for name in ARCHITECTURES:
        if name in fitting:
            check_images(Config(architecture=name), shape)
            continue
        with pytest.raises(ConfigError) as caught:
            check_images(Config(architecture=name), shape)
        subject, choices = str(caught.value).split("one of: ")
        assert repr(name) in subject
        assert f"{shape[0]}x{shape[1]}" in subject
        assert choices.split(", ") == (fitting or ["none"])

"""The slices of Kurach et al. 2019: how many settings each has, and what is fixed in it."""

import itertools

import pytest

from ganscape.models.architectures import ARCHITECTURES
from ganscape.results.claims.best_models import BEST_MODELS as BEST
from ganscape.results.claims.best_models import DATA, PUBLISHED, published_length
from ganscape.search_spaces import SPACES, STUDIES, Choice, LogUniform, Uniform, all_phases, find_scale, rungs
from ganscape.search_spaces.landscape import fixed_settings

NAMES = [name for name in STUDIES if name.startswith("landscape/") and name not in BEST]
SLICES = [(name, method) for name in NAMES for method in SPACES[name]]
each_slice = pytest.mark.parametrize(("study", "method"), SLICES)


def settings_of_table_1():
    """Rates x weights of the penalty x (beta1, beta2, n_dis): 3 x 2 x 4."""
    triples = [(0.5, 0.9, 5), (0.5, 0.999, 1), (0.5, 0.999, 5), (0.9, 0.999, 5)]
    return set(itertools.product((2e-4, 1e-4, 1e-3), (1.0, 10.0), triples))


def test_24_fixed_settings_and_12_where_the_weight_is_inert():
    made = [
        (each["learning_rate"], each["penalty_weight"], (each["beta1"], each["beta2"], each["disc_iters"]))
        for each in fixed_settings("wgangp")
    ]
    assert len(made) == 24 and set(made) == settings_of_table_1()
    inert = [
        (each["learning_rate"], (each["beta1"], each["beta2"], each["disc_iters"])) for each in fixed_settings("none")
    ]
    assert len(inert) == 12 and set(inert) == {(rate, triple) for rate, _, triple in settings_of_table_1()}


@each_slice
def test_a_slice_is_asked_for_the_fixed_settings_and_is_alike_in_the_rest(study, method):
    space = SPACES[study][method]
    assert len(space.defaults) == (12 if space.fixed["penalty"] == "none" else 24)
    assert all(default.items() >= space.fixed.items() for default in space.defaults)
    assert all(default.keys() == space.fixed.keys() | space.dimensions.keys() for default in space.defaults)


@each_slice
def test_ranges_are_those_of_table_2(study, method):
    space = SPACES[study][method]
    weights = {"wgangp": (1e-1, 1e2), "dragan_v2": (1e-1, 1e2), "l2": (1e-4, 1e1)}
    expected = {
        "learning_rate": LogUniform(1e-5, 1e-2),
        "beta1": Uniform(0.0, 1.0),
        "beta2": Uniform(0.0, 1.0),
        "disc_iters": Choice((1, 5)),
    }
    if space.fixed["penalty"] != "none":
        expected["penalty_weight"] = LogUniform(*weights[space.fixed["penalty"]])
    assert space.dimensions == expected


@pytest.mark.parametrize("study", [name for name in NAMES if name != "landscape/both"])
def test_a_slice_costs_360_trainings(study):
    """24 settings with 5 seeds, then 12 rounds of 10 for each of two numbers of discriminator updates."""
    fixed, *bandits = all_phases(STUDIES[study].searcher, find_scale(STUDIES[study], "paper"))
    assert (fixed.searcher, fixed.configs, fixed.seeds) == ("defaults", 24, 5)
    assert [(each.searcher, each.rounds, each.batch, each.seeds) for each in bandits] == [("gp_bandit", 12, 10, 1)] * 2
    assert [each.settings for each in bandits] == [{"disc_iters": 1}, {"disc_iters": 5}]
    assert sum(each.configs for each in bandits) == 240
    assert sum(each.configs * each.seeds for each in (fixed, *bandits)) == 360


def test_both_at_once_are_24_fixed_and_24_random_settings():
    study = STUDIES["landscape/both"]
    fixed, draws = all_phases(study.searcher, find_scale(study, "paper"))
    assert (fixed.searcher, fixed.configs, draws.searcher, draws.configs) == ("defaults", 24, "random", 24)


def made_of(study, *fields):
    return {name: tuple(space.fixed[field] for field in fields) for name, space in SPACES[study].items()}


def test_slices_are_the_published_ones():
    norm, penalty = "discriminator_normalization", "penalty"
    assert set(made_of("landscape/reg-norm", "loss", norm, penalty).values()) == {
        ("non_saturating", normalization, "none")
        for normalization in ("none", "batch_norm", "layer_norm", "spectral_norm")
    } | {("non_saturating", "none", each) for each in ("wgangp", "dragan_v2", "l2")}
    pairs = [("none", "none"), ("spectral_norm", "none"), ("none", "wgangp")]
    assert set(made_of("landscape/loss", "loss", norm, penalty).values()) == {
        (loss, *pair) for loss in ("non_saturating", "wasserstein", "least_squares") for pair in pairs
    }
    assert set(made_of("landscape/architecture", "architecture", norm, penalty).values()) == {
        (architecture, *pair) for architecture in ("resnet_cifar", "sndcgan") for pair in pairs
    }
    both = made_of("landscape/both", norm, penalty).values()
    assert len(set(both)) == 9 and not {"none"} & set(itertools.chain(*both))
    assert {pair[0] for pair in made_of("landscape/cifar10", norm).values()} == {"spectral_norm"}
    combined = set(made_of("landscape/combined", norm, penalty).values())
    norms = {("none",), ("spectral_norm",), ("layer_norm",)}
    assert combined == {(*one, other) for one in norms for other in ("none", "wgangp")}


@pytest.mark.parametrize(("study", "models"), [(BEST[0], 9), (BEST[1], 11), (BEST[2], 9)])
def test_the_best_models_are_those_with_published_distances(study, models):
    """Each published distance belongs to a default of the study. Rows of the published lists that differ only in the
    weight of a penalty that they have not are one setting."""
    asked = {
        (method, default["learning_rate"], default["beta2"])
        for method, space in SPACES[study].items()
        for default in space.defaults
    }
    assert asked == set(PUBLISHED[study]) and len(asked) == models
    scale = find_scale(STUDIES[study], "paper")
    assert scale.seeds == 3 and scale.configs == max(len(space.defaults) for space in SPACES[study].values())
    for method, (architecture,) in made_of(study, "architecture").items():
        updates = {default["disc_iters"] for default in SPACES[study][method].defaults}
        assert updates == ({5} if architecture == "resnet_cifar" or method == "resnet_dragan_ln" else {1})


@pytest.mark.parametrize(("study", "samples"), [(BEST[1], 3_000), (BEST[2], 10_000)])
def test_the_best_models_at_128_pixels_are_scored_where_their_distances_were_published(study, samples):
    scale, data = find_scale(STUDIES[study], "paper"), DATA[study]
    assert scale.samples == samples and {100_000 * 64, 200_000 * 64} <= set(rungs(scale, data))
    lengths = {fixed: published_length(study, fixed) for fixed in SPACES[study]}
    for method, (architecture,) in made_of(study, "architecture").items():
        assert lengths[method] == (100_000 if architecture == "sndcgan" else 200_000) * 64
        assert ARCHITECTURES[architecture].accepts((128, 128, 3))


@each_slice
def test_networks_know_the_normalization(study, method):
    fixed = SPACES[study][method].fixed
    for scale in STUDIES[study].scales.values():
        pair = ARCHITECTURES[fixed.get("architecture") or scale.settings["architecture"]]
        assert fixed["discriminator_normalization"] in pair.discriminator_normalizations


@pytest.mark.parametrize("study", [*NAMES, "landscape/best"])
def test_cifar10_is_trained_for_200000_steps_and_scored_every_20000(study):
    paper = find_scale(STUDIES[study], "paper")
    assert paper.data == "cifar10"
    assert rungs(paper, "cifar10") == tuple(64 * 20_000 * part for part in range(1, 11))
    assert (paper.settings["batch_size"], paper.settings["z_dim"], paper.samples) == (64, 128, 10_000)


AT_128 = ["celeba_hq_128", "lsun_bedroom"]


@pytest.mark.parametrize("data", AT_128)
@pytest.mark.parametrize("name", ["landscape/reg-norm", "landscape/loss", "landscape/both", "landscape/architecture"])
def test_the_paper_scale_at_128_pixels_is_the_published_protocol(name, data):
    """100,000 steps of 64 images, scored every 20,000, by ResNet19; 3,000 samples of CelebA-HQ and 10,000 of LSUN."""
    study = STUDIES[name].on_data("paper", data)
    scale = find_scale(study, "paper")
    assert rungs(scale, data) == tuple(64 * step for step in range(20_000, 100_001, 20_000))
    assert scale.samples == {"celeba_hq_128": 3_000, "lsun_bedroom": 10_000}[data]
    used = {space.fixed.get("architecture", scale.settings.get("architecture")) for space in study.methods.values()}
    assert used == ({"resnet19", "sndcgan"} if name == "landscape/architecture" else {"resnet19"})
    assert all(ARCHITECTURES[architecture].accepts((128, 128, 3)) for architecture in used)
    for method, space in study.methods.items():
        before = STUDIES[name].methods[method]
        assert len(space.defaults) == len(before.defaults) and space.dimensions == before.dimensions
        assert all(default.items() >= space.fixed.items() for default in space.defaults)
    assert all_phases(study.searcher, scale) == all_phases(study.searcher, find_scale(STUDIES[name], "paper"))


@pytest.mark.parametrize("name", [name for name in STUDIES if name.startswith("landscape/")])
def test_on_cifar10_the_paper_scale_is_200_000_steps_of_the_residual_pair_of_its_size(name):
    study = STUDIES[name].on_data("paper", "cifar10")
    assert study == STUDIES[name]
    assert rungs(find_scale(study, "paper"), "cifar10")[-1] == 200_000 * 64

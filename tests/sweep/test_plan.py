import json

import numpy as np
import pytest

from ganscape.data import DataError
from ganscape.models import Config, ConfigError
from ganscape.results.store import open_store
from ganscape.search_spaces import StudyError
from ganscape.sweep.cohort_size import parameters
from ganscape.sweep.plan import plan
from ganscape.sweep.proposals import trial_of
from ganscape.sweep.rounds import ask, first_configs, shortages
from ganscape.sweep.searchers import Observation


@pytest.fixture
def planned(tmp_path):
    return lambda study="equal/wide", **options: plan(study, out=tmp_path / "out", **options)


def configs(made):
    return [config for method in made.methods for config in first_configs(made, method)]


def test_the_same_names_make_the_same_plan(planned):
    assert planned().definition == planned().definition
    assert configs(planned()) == configs(planned())


def test_a_definition_is_plain_data(planned):
    definition = planned(scale="laptop").definition
    assert json.loads(json.dumps(definition)) == definition


@pytest.mark.parametrize(
    "change",
    [{"scale": "laptop"}, {"seed": 1}, {"seeds": 3}, {"settings": {"batch_size": 32}}, {"settings": {"samples": 99}}],
    ids=str,
)
def test_whatever_changes_a_result_changes_the_definition(planned, change):
    assert planned().definition != planned(**change).definition


def test_lanes_and_checkpoints_do_not_change_the_definition(planned):
    assert planned().definition == planned(lanes=4, checkpoint_seconds=0.0).definition


def test_the_paper_is_asked_for_as_published(planned, mnist_root):
    made = planned(scale="paper", data_root=mnist_root)
    assert made.workload.rungs == (249984, 499968, 749952, 999936, 1000000)
    (phase,) = made.phases
    assert (phase.configs, phase.seeds, made.workload.samples) == (100, 1, 10_000)
    asked = configs(made)
    assert len(asked) == 800 and {config.architecture for config in asked} == {"infogan"}
    assert made.protocol.label() == "fd_mnist, 10000 samples against mnist/test (10000)"


def test_a_study_of_some_of_its_methods(planned):
    """The same configs as in the whole study, in the study's order."""
    made, whole = planned(methods=["vae", "wgan"]), planned()
    assert list(made.methods) == list(made.definition["methods"]) == ["wgan", "vae"]
    assert first_configs(made, "wgan") == first_configs(whole, "wgan")


def test_set_fixes_a_field_for_every_method(planned):
    made = planned(settings={"n_dis": 3, "lr": 1e-3, "batch_size": 32})
    for config in configs(made):
        assert (config.disc_iters, config.g_lr, config.d_lr, config.batch_size) == (3, 1e-3, 1e-3, 32)


def test_what_a_choice_makes_inert_is_dropped(planned):
    """RMSProp has no decay rates of Adam: Lucic et al. 2018 trained WGAN with both optimizers."""
    made = planned(settings={"optimizer": "rmsprop"})
    for config in configs(made):
        assert (config.optimizer, config.beta1, config.beta2) == ("rmsprop", None, None)
    with pytest.raises(ConfigError, match=r"beta1=0.5 means nothing with optimizer='rmsprop'"):
        planned(settings={"optimizer": "rmsprop", "beta1": 0.5})


def test_what_another_architecture_does_not_have_is_dropped(planned):
    """The scale has infogan, with units for its dense layers."""
    made = planned("r3gan/loss", scale="stacked", settings={"architecture": "r3gan", "channels": 4})
    for config in configs(made):
        assert (config.architecture, config.channels, config.hidden_per_channel) == ("r3gan", 4, None)
    with pytest.raises(ConfigError, match="hidden_per_channel=8 means nothing with architecture 'r3gan'"):
        planned("r3gan/loss", scale="stacked", settings={"architecture": "r3gan", "hidden_per_channel": 8})


def test_an_architecture_in_which_two_methods_would_be_one_is_refused(planned):
    with pytest.raises(ConfigError, match="plain_convolutions: convolution='plain' means nothing"):
        planned("completion", scale="smoke", settings={"architecture": "mlp"})


def test_a_space_with_nothing_left_to_search_gives_each_config_once(planned):
    pins = {"learning_rate": 1e-3, "beta1": 0.5, "disc_iters": 1, "discriminator_normalization": "none"}
    made = planned(settings=pins)
    (config,) = first_configs(made, "ns_gan")
    assert ask(made, "ns_gan", 0, 0, [Observation(config.to_dict(), (1.0,))], 5) == []


SMALL_SPACE = """
question = "?"
searcher = "random"
[scales.smoke]
data = "digits"
configs = {configs}
rounds = {rounds}
seeds = 1
images = 6400
interval = 3200
settings = {{architecture = "mlp"}}
[methods.ns]
fixed = {{loss = "non_saturating"}}
ranges.batch_size = {{low = 16, high = 25, integer = true}}
"""


@pytest.mark.parametrize(("wanted", "rounds", "expected"), [(10, 1, 10), (8, 1, 8), (12, 1, 10)])
def test_a_random_search_asks_for_as_many_distinct_configs_as_its_space_has(tmp_path, wanted, rounds, expected):
    """Ten values: ten draws alone would hold about six of them. The first draws are those of a smaller search."""
    study = tmp_path / "small.toml"
    study.write_text(SMALL_SPACE.format(configs=wanted, rounds=rounds))
    made = plan(str(study), out=tmp_path / "out")
    configs = first_configs(made, "ns")
    assert len(configs) == len({config.batch_size for config in configs}) == expected
    study.write_text(SMALL_SPACE.format(configs=3, rounds=1))
    assert first_configs(plan(str(study), out=tmp_path / "out"), "ns") == configs[:3]
    words = [f"method ns has {expected} distinct configs in its space, not the {wanted} asked for"]
    assert shortages(made) == (words if expected < wanted else [])


def test_a_study_of_defaults_lacks_nothing_where_a_method_has_fewer(planned):
    assert shortages(planned("landscape/reg-norm", scale="laptop")) == []


def test_a_method_asks_for_what_its_budget_leaves(planned):
    made = planned()
    first = first_configs(made, "wgan")
    known = [Observation(config.to_dict(), (1.0,)) for config in first[:3]]
    assert ask(made, "wgan", 0, 0, known, len(first) - 3) == first[3:]


def test_a_trial_is_named_by_its_content():
    config = Config(g_lr=1e-3)
    name = trial_of(0, "ns_gan", config, 0)
    assert name == trial_of(0, "ns_gan", Config.from_dict(config.to_dict()), 0)
    others = [(1, "ns_gan", config, 0), (0, "hinge", config, 0), (0, "ns_gan", Config(), 0), (0, "ns_gan", config, 1)]
    assert len({name.id, *(trial_of(*other).id for other in others)}) == 5
    assert name.key == trial_of(0, "other name", config, 0).key


def test_parameters_of_the_published_pair():
    """Lucic et al. 2018's networks at 28x28, counted by hand."""
    counts = {"gan": (6_642_241, 6_556_865), "began": (6_642_241, 1_073_601), "vae": (6_642_241, 6_687_040)}
    for family, expected in counts.items():
        assert parameters(Config(family=family, architecture="infogan"), (28, 28, 1)) == expected


BAD = {
    "study": ({"study": "equal/wyde"}, StudyError, "equal/wyde.*equal/wide"),
    "scale": ({"scale": "huge"}, StudyError, "huge.*smoke, laptop, hour, overnight, paper"),
    "data": ({"data": "mnits"}, DataError, "mnits.*digits.*mnist"),
    "data without a length": ({"scale": "paper", "data": "digits"}, StudyError, "digits.*mnist"),
    "field": ({"settings": {"bacth_size": 3}}, ConfigError, "bacth_size.*batch_size.*interval"),
    "choice": ({"settings": {"optimizer": "adm"}}, ConfigError, "adm.*adam, rmsprop"),
    "what tells methods apart": ({"settings": {"loss": "hinge"}}, StudyError, "loss='hinge'.*wgan has wasserstein"),
    "loss": ({"settings": {"loss": "hing"}}, ConfigError, "hing.*hinge, jensen_shannon"),
    "range": ({"settings": {"beta1": 1.5}}, ConfigError, r"beta1=1.5.*\[0, 1\)"),
    "type": ({"settings": {"batch_size": "big"}}, ConfigError, "batch_size='big'.*whole number"),
    "configs": ({"settings": {"configs": 0}}, StudyError, "configs=0.*at least 1"),
    "seeds": ({"seeds": 0}, StudyError, "seeds=0.*at least 1"),
    "lanes": ({"lanes": 0}, StudyError, "lanes=0.*at least 1"),
    "weight": ({"settings": {"penalty_weight": 3}}, ConfigError, "mm_gan.*penalty_weight=3.*wgangp"),
    "size": (
        {"settings": {"architecture": "dcgan"}},
        ConfigError,
        "dcgan.*multiples of 16.*8x8.*infogan, inpainting, mlp",
    ),
    "samples": ({"settings": {"samples": 1}}, ValueError, "at least 2"),
    "interval": ({"settings": {"interval": 40}}, StudyError, "closer than one training cycle"),
    "schedule": (
        {"methods": ["wgan"], "settings": {"learning_rate_schedule": "linear", "learning_rate_images": 1e9}},
        StudyError,
        "wgan: learning_rate_images=1000000000 is more than the 160000 real images",
    ),
    "warm-up": (
        {"methods": ["wgan"], "settings": {"warmup": "linear", "warmup_images": 160001}},
        StudyError,
        "wgan: warmup_images=160001 is more than the 160000 .*set warmup_images to 160000 at most",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_line_before_any_work(planned, tmp_path, case):
    options, error, text = BAD[case]
    with pytest.raises(error, match=text) as caught:
        planned(**options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_sweep_is_continued_by_the_metric_that_it_has(tmp_path):
    """So a folder that was scored by what was once the default stays one study."""
    pictures = tmp_path / "pictures.npy"
    np.save(pictures, np.arange(20 * 28 * 28, dtype=np.uint8).reshape(20, 28, 28))
    options = {"out": tmp_path / "out", "data": str(pictures), "methods": ["vae"]}
    first = plan("equal/defaults", **options, metric="fd_pixels").definition
    with open_store(tmp_path / "out") as store:
        store.begin(first)
    assert plan("equal/defaults", **options).definition == first
    elsewhere = plan("equal/defaults", **options | {"out": tmp_path / "other"})
    assert elsewhere.definition["metric"] == "kid_random_conv"
    assert len(elsewhere.warnings) == 1


def test_a_folder_of_other_data_does_not_decide_the_metric(tmp_path):
    with open_store(tmp_path / "out") as store:
        store.begin(plan("equal/defaults", out=tmp_path / "out", metric="fd_pixels").definition)
    assert plan("equal/defaults", out=tmp_path / "out", data="mnist16_5k").definition["metric"] == "fd_mnist16"


@pytest.mark.parametrize(
    ("study", "configs", "said"),
    [
        ("landscape/reg-norm", 2, False),
        ("landscape/reg-norm", 12, True),  # of methods with a penalty without the third learning rate
        ("landscape/reg-norm", 24, False),
        ("landscape/both", 12, False),
        ("equal/wide", 1, False),
    ],
)
def test_listed_settings_that_are_cut_unequally_are_said(planned, study, configs, said):
    made = planned(study, settings={"configs": configs})
    assert any("settings of the methods are not the same" in line for line in made.warnings) == said

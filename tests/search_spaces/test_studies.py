import json

import pytest

from ganscape.search_spaces import STUDIES, StudyError, all_phases, find_scale, find_shipped, rungs

EQUAL = [name for name in STUDIES if name.startswith("equal/")]
EVERY_SCALE = [(name, scale) for name, study in STUDIES.items() for scale in study.scales]


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_a_question_a_source_and_three_scales(name):
    study = find_shipped(name)
    assert study.question.endswith("?")
    assert study.source
    assert {"smoke", "laptop", "paper"} <= study.scales.keys()
    assert all(scale.summary for scale in study.scales.values())


@pytest.mark.parametrize("name", EQUAL)
def test_equal_has_the_published_methods(name):
    gans = {"mm_gan", "ns_gan", "lsgan", "wgan", "wgan_gp", "dragan"}
    published = {"equal/bandit": gans, "equal/optimizer": {"wgan_adam", "wgan_rmsprop"}}
    assert set(find_shipped(name).methods) == published.get(name, gans | {"began", "vae"})


@pytest.mark.parametrize("name", STUDIES)
def test_description_survives_json(name):
    described = find_shipped(name).describe()
    assert json.loads(json.dumps(described)) == described
    assert list(described["methods"]) == list(find_shipped(name).methods)


@pytest.mark.parametrize(("name", "scale"), EVERY_SCALE)
def test_rungs_increase_up_to_the_whole_budget(name, scale):
    scale = find_scale(find_shipped(name), scale)
    marks = rungs(scale, scale.data)
    assert list(marks) == sorted(set(marks))
    assert all(type(mark) is int and mark > 0 for mark in marks)
    images = scale.images if isinstance(scale.images, int) else scale.images[scale.data]
    assert marks[-1] == images


@pytest.mark.parametrize(("name", "scale"), EVERY_SCALE)
def test_budgets_and_rungs_are_whole_batches(name, scale):
    scale = find_scale(find_shipped(name), scale)
    sizes = [{**scale.settings, **own}["batch_size"] for own in scale.own.values() or [{}]]
    assert all(mark % size == 0 for mark in rungs(scale, scale.data) for size in sizes if size <= 64)


@pytest.mark.parametrize(("name", "scale"), EVERY_SCALE)
def test_no_setting_of_a_scale_is_also_one_of_a_method(name, scale):
    study = find_shipped(name)
    size = find_scale(study, scale)
    assert size.own.keys() <= study.methods.keys()
    for method, each in study.methods.items():
        own, set_there = size.own.get(method, {}).keys(), each.fixed.keys() | each.dimensions.keys()
        assert not size.settings.keys() & (set_there | own)
        assert not own & set_there
        assert not any(own & default.keys() for default in each.defaults)


@pytest.mark.parametrize(("name", "scale"), [each for each in EVERY_SCALE if each[0] in EQUAL])
def test_common_settings_are_the_published_ones(name, scale):
    settings = find_scale(find_shipped(name), scale).settings
    published = {"batch_size": 64, "z_dim": 64}
    if name != "equal/optimizer":
        published |= {"optimizer": "adam", "beta2": 0.999}
    assert {field: settings[field] for field in published} == published


@pytest.mark.parametrize("data", ["mnist", "triangles"])
@pytest.mark.parametrize("name", EQUAL)
def test_the_paper_scale_is_evaluated_at_the_published_steps(name, data):
    steps = [3906, 7812, 11718, 15624, 15625]
    assert rungs(find_scale(find_shipped(name), "paper"), data) == tuple(64 * step for step in steps)


def test_the_paper_scale_asks_the_published_number_of_configs():
    papers = {name: find_scale(find_shipped(name), "paper") for name in EQUAL}
    published = {"equal/wide": (100, 1), "equal/narrow": (50, 1), "equal/defaults": (1, 50), "equal/bandit": (120, 1)}
    published |= {"equal/seeds": (100, 1), "equal/optimizer": (100, 1), "equal/f1": (100, 1)}
    assert {name: scale[2:4] for name, scale in papers.items()} == published
    assert {name: scale.samples for name, scale in papers.items()} == dict.fromkeys(EQUAL, 10_000) | {"equal/f1": 1024}
    assert {scale.settings["architecture"] for scale in papers.values()} == {"infogan"}


def test_a_study_with_metrics_of_its_own_is_of_their_data_sets_alone():
    assert find_shipped("equal/f1").metric("squares") == "one_minus_f1_squares"
    assert find_shipped("equal/wide").metric("squares") is None
    with pytest.raises(StudyError, match="unknown data set of this study 'mnist'; one of: triangles, squares"):
        find_shipped("equal/f1").metric("mnist")


def test_the_best_of_each_gan_is_trained_again_with_50_seeds():
    """Phase 3 of the released code."""
    (search, again) = all_phases("random", find_scale(find_shipped("equal/seeds"), "paper"))
    assert (search.configs, search.seeds) == (100, 1)
    assert (again.searcher, again.configs, again.seeds) == ("best", 1, 50)


def test_the_published_length_on_cifar10():
    """100 epochs: 78,125 steps, evaluated every 3,906 and at the end."""
    marks = rungs(find_scale(find_shipped("equal/wide"), "paper"), "cifar10")
    assert len(marks) == 21 and marks[0] == 3906 * 64 and marks[-1] == 78_125 * 64


@pytest.mark.parametrize("data", ["celeba", "celeba_test"])
@pytest.mark.parametrize("name", ["equal/wide", "equal/narrow", "equal/defaults", "equal/seeds"])
def test_the_published_length_on_celeba(name, data):
    """40 epochs of 162,000 images: 101,250 steps of 64, evaluated every 12,656 (5 epochs) and at the end: 9 times."""
    marks = rungs(find_scale(find_shipped(name), "paper"), data)
    assert len(marks) == 9 and marks[0] == 12_656 * 64 and marks[-1] == 101_250 * 64 == 40 * 162_000


@pytest.mark.parametrize("name", STUDIES)
def test_the_smallest_scale_is_a_few_dozen_trials(name):
    study = find_shipped(name)
    scale = find_scale(study, "smoke")
    trials = len(study.methods) * sum(each.configs * each.seeds for each in all_phases(study.searcher, scale))
    assert 12 <= trials <= 90
    assert 2 <= len(rungs(scale, scale.data)) <= 4


def test_a_study_is_asked_in_one_round_unless_its_searcher_looks_at_scores():
    for name, study in STUDIES.items():
        for scale in study.scales.values():
            for phase in all_phases(study.searcher, scale):
                assert phase.rounds == 1 or phase.searcher == "gp_bandit", name
                assert phase.configs % phase.rounds == 0
    paper = find_scale(find_shipped("equal/bandit"), "paper")
    assert (paper.rounds, paper.configs // paper.rounds) == (12, 10)


@pytest.mark.parametrize("name", STUDIES)
def test_no_scale_asks_for_more_defaults_than_its_methods_have(name):
    """A method may have fewer than another: those without a penalty have no weights to cross with."""
    study = find_shipped(name)
    if study.searcher == "defaults":
        most = max(len(space.defaults) for space in study.methods.values())
        assert all(scale.configs <= most for scale in study.scales.values())


def test_pinning_reaches_every_method_and_changes_the_description():
    pinned = find_shipped("equal/wide").pin("disc_iters", 1)
    for each in pinned.methods.values():
        assert each.fixed["disc_iters"] == 1
        assert {default["disc_iters"] for default in each.defaults} == {1}
    assert pinned.describe() != find_shipped("equal/wide").describe()


def test_unknown_names_are_refused_with_the_choices():
    with pytest.raises(StudyError, match=r"unknown study 'equal/wyde' \(did you mean 'equal/wide'\?\); one of: equal"):
        find_shipped("equal/wyde")
    with pytest.raises(StudyError, match="unknown scale 'huge'; one of: smoke, laptop, hour, overnight, paper"):
        find_scale(find_shipped("equal/wide"), "huge")
    told = "unknown data set at this scale 'digits'; one of: cifar10, mnist, fashion_mnist, squares, triangles"
    with pytest.raises(StudyError, match=told):
        rungs(find_scale(find_shipped("equal/wide"), "paper"), "digits")


@pytest.mark.parametrize("field", ["images", "interval"])
def test_a_training_length_that_is_not_positive_is_refused(field):
    scale = find_scale(find_shipped("equal/wide"), "smoke")._replace(**{field: 0})
    with pytest.raises(StudyError, match=f"{field} of a scale is a positive number of real images, not 0"):
        rungs(scale, "digits")


def test_an_interval_beyond_the_budget_leaves_one_rung_at_the_end():
    scale = find_scale(find_shipped("equal/wide"), "smoke")._replace(images=640, interval=1000)
    assert rungs(scale, "digits") == (640,)

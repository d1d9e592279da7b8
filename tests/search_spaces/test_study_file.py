"""Studies as files: every study survives, and a mistake is told with its line."""

import tomllib

import pytest

from ganscape.search_spaces import (
    STUDIES,
    Choice,
    Integer,
    LogUniform,
    Partly,
    Phase,
    StudyError,
    Uniform,
    Unless,
    Variant,
    When,
)
from ganscape.search_spaces.study_file import read_study
from ganscape.search_spaces.study_text import write_study
from ganscape.search_spaces.toml_text import line_of

SEARCHERS = ("random", "defaults", "gp_bandit", "published")
FIELDS = ("loss", "penalty", "penalty_weight", "learning_rate", "beta1", "disc_iters", "channels", "batch_size")

MINE = """\
question = "Does it help?"
searcher = "random"

[methods.plain.fixed]
loss = "hinge"

[methods.mine]
source = "a thought"
fixed = {loss = "hinge", channels = 8}
defaults = [{learning_rate = 1e-3, penalty = "none"}]

[methods.mine.ranges]
learning_rate = {low = 1e-5, high = 1e-2, log = true}
beta1 = {low = 0, high = 0.9}
disc_iters = {low = 1, high = 5, integer = true}
penalty = {options = ["none", "r1", "r2"]}
penalty_weight = {low = 0.1, high = 10.0, log = true, when = {penalty = ["r1", "r2"]}}

[scales.smoke]
data = "digits"
settings = {batch_size = 64}
configs = 4
seeds = 2
images = 64000
interval = {digits = 32000}

[[scales.smoke.phases]]
name = "more"
searcher = "gp_bandit"
configs = 6
seeds = 1
rounds = 2

[[scales.smoke.phases]]
name = "confirm"
searcher = "best"
configs = 1
seeds = 5
"""


@pytest.fixture
def read(tmp_path):
    def make(text, fields=FIELDS):
        (tmp_path / "mine.toml").write_text(text)
        return read_study(tmp_path / "mine.toml", SEARCHERS, fields)

    return make


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_survives_its_file(name, tmp_path):
    (tmp_path / "mine.toml").write_text(write_study(STUDIES[name]))
    fields = {field for each in STUDIES[name].methods.values() for field in each.defaults[0]}
    fields |= {field for each in STUDIES[name].methods.values() for field in each.dimensions}
    for scale in STUDIES[name].scales.values():
        fields |= {field for settings in (scale.settings, *scale.own.values()) for field in settings}
    again = read_study(tmp_path / "mine.toml", SEARCHERS, fields)
    assert again == STUDIES[name] and again.describe() == STUDIES[name].describe()
    assert list(again.methods) == list(STUDIES[name].methods)


def test_phases_of_some_methods_and_variants_for_data_sets_survive_their_file(read, tmp_path):
    study = read(MINE)
    phase = Phase("more", "random", 2, 1, methods=("mine",))
    variant = Variant(640, 320, 100, {"mlp": "conv8"})
    scale = study.scales["smoke"]._replace(phases=(phase,), variants={"faces": variant})
    study = study._replace(scales={"smoke": scale})
    (tmp_path / "again.toml").write_text(write_study(study))
    again = read_study(tmp_path / "again.toml", SEARCHERS, (*FIELDS, "architecture"))
    assert again.scales == study.scales
    text = write_study(study).replace('methods = ["mine"]', 'methods = ["mime"]')
    line = text[: text.index('["mime"]')].count("\n") + 1
    with pytest.raises(StudyError, match=f"mine.toml:{line}: unknown method 'mime' .did you mean 'mine'"):
        read(text, fields=(*FIELDS, "architecture"))


def test_a_file_says_what_it_says(read):
    study = read(MINE)
    assert (study.question, study.searcher, study.source) == ("Does it help?", "random", "mine.toml")
    mine, plain = study.methods["mine"], study.methods["plain"]
    assert (plain.fixed, plain.dimensions, plain.defaults) == ({"loss": "hinge"}, {}, ())
    assert mine.dimensions == {
        "learning_rate": LogUniform(1e-5, 1e-2),
        "beta1": Uniform(0, 0.9),
        "disc_iters": Integer(1, 5),
        "penalty": Choice(("none", "r1", "r2")),
        "penalty_weight": When(LogUniform(0.1, 10.0), "penalty", ("r1", "r2")),
    }
    assert mine.defaults == ({"loss": "hinge", "channels": 8, "learning_rate": 1e-3, "penalty": "none"},)
    scale = study.scales["smoke"]
    assert (scale.samples, scale.rounds, scale.interval) == (None, 1, {"digits": 32000})
    assert scale.phases == (Phase("more", "gp_bandit", 6, 1, 2), Phase("confirm", "best", 1, 5))


def test_conditions_that_exclude_and_those_of_some_values(read):
    text = MINE.replace(
        'penalty = {options = ["none", "r1", "r2"]}',
        'penalty = {options = ["none", "r1", "r2"], unless = {loss = ["hinge"], disc_iters = [5]}}',
    ).replace('when = {penalty = ["r1", "r2"]}}', 'when = {penalty = ["r1"]}}\nloss = {options = ["a", "b"]')
    text = text.replace('fixed = {loss = "hinge", channels', "fixed = {channels").replace(
        'loss = {options = ["a", "b"]', 'loss = {options = ["hinge", "b"], when = {penalty = ["r1"]}, of = ["b"]}'
    )
    ranges = read(text).methods["mine"].dimensions
    assert ranges["penalty"] == Unless(Unless(Choice(("none", "r1", "r2")), "disc_iters", (5,)), "loss", ("hinge",))
    assert ranges["loss"] == Partly(Choice(("hinge", "b")), "penalty", ("r1",), ("b",))
    with pytest.raises(StudyError, match=r"mine.toml:17: of = \['b'\] needs a when"):
        read(MINE.replace('when = {penalty = ["r1", "r2"]}', 'of = ["b"]'))


def test_settings_of_single_methods_are_read_and_checked(read):
    text = MINE.replace("configs = 4", "own = {mine = {channels = 16}}\nconfigs = 4")
    assert read(text).scales["smoke"].own == {"mine": {"channels": 16}}
    with pytest.raises(StudyError, match=r"mine.toml:22: unknown config field 'chanels'"):
        read(text.replace("channels = 16", "chanels = 16"))
    with pytest.raises(StudyError, match=r"mine.toml:22: own of mine = 3 is not a table"):
        read(text.replace("{channels = 16}", "3"))


def test_names_that_need_quotes_get_them(read):
    study = read(MINE.replace("methods.mine", 'methods."my GAN"'))
    assert "my GAN" in tomllib.loads(write_study(study))["methods"]
    assert read(write_study(study))._replace(source="mine.toml") == study


# What is changed in the file, the number of the line that is told, and what is said.
MISTAKES = {
    "unknown key": (
        "beta1 = {low",
        "beta1 = {lo",
        14,
        r"beta1: unknown key 'lo' \(did you mean 'low'\?\); one of: low,",
    ),
    "unknown table": ("[scales.smoke]", "[sizes.smoke]", 19, "the file: unknown key 'sizes'"),
    "unknown scale field": ("seeds = 2", "seed = 2", 23, r"scales.smoke: unknown key 'seed' \(did you mean 'seeds'"),
    "missing": ("configs = 4\n", "", 19, "scales.smoke has no configs"),
    "field": ("beta1 =", "beta3 =", 14, r"unknown config field 'beta3' \(did you mean 'beta1'\?\)"),
    "fixed field": ("channels = 8", "chanels = 8", 9, "unknown config field 'chanels'"),
    "scale field": ("{batch_size", "{batchsize", 21, "unknown config field 'batchsize'"),
    "default field": ("[{learning_rate", "[{rate", 10, "unknown config field 'rate'"),
    "low above high": ("low = 1e-5", "low = 1.0", 13, "low 1.0 must be below high 0.01"),
    "empty": ("low = 0, high = 0.9", "low = 0.9, high = 0.9", 14, "low 0.9 must be below high 0.9"),
    "no end": ("low = 0, high = 0.9", "low = 0", 14, "a range needs low and high, or else options"),
    "log of zero": ("low = 1e-5", "low = 0", 13, "low 0 of a logarithmic range must be positive"),
    "no options": ('["none", "r1", "r2"]}', "[]}", 16, "no options"),
    "options and ends": ('"r2"]}\npenalty_w', '"r2"], low = 1}\npenalty_w', 16, "options go without low"),
    "text for a number": ("low = 0, high", 'low = "0", high', 14, "low = '0' in .* must be a number"),
    "never": ('when = {penalty = ["r1", "r2"]}', 'when = {penalty = ["r3"]}', 17, "'penalty_weight' is never there"),
    "never, fixed": ('{penalty = ["r1", "r2"]}', '{loss = ["wasserstein"]}', 17, "loss is never 'wasserstein'"),
    "unknown condition": ('{penalty = ["r1", "r2"]}', '{projection = ["x"]}', 17, "unknown field 'projection'"),
    "two conditions": ('{penalty = ["r1", "r2"]}', "{}", 17, "must name one field and a list"),
    "twice": ("channels = 8", "beta1 = 0.5", 14, "beta1 is both fixed and a range"),
    "searcher": ('"random"', '"randon"', 2, r"unknown searcher 'randon' \(did you mean 'random'\?\)"),
    "best of nothing": ('"random"', '"best"', 2, "unknown searcher 'best'"),
    "phase's searcher": ('"best"', '"bests"', 36, "unknown searcher 'bests'"),
    "phase's seeds": ("seeds = 5", "seeds = 0", 38, "seeds = 0 in scales.smoke.phases.1 must be a whole number"),
    "images": ("images = 64000", "images = 6.4", 24, "images = 6.4 .* must be a whole number of at least 1 or a table"),
    "interval": ("digits = 32000", "digits = -1", 25, "interval of digits = -1 must be a whole number"),
    "list for a table": ("[methods.plain.fixed]\nloss", "[[methods.plain]]\nloss", 4, "not a table"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line_with_the_file_and_the_line(read, tmp_path, case):
    before, after, line, message = MISTAKES[case]
    assert before in MINE
    with pytest.raises(StudyError, match=message) as caught:
        read(MINE.replace(before, after, 1))
    assert str(caught.value).startswith(f"{tmp_path / 'mine.toml'}:{line}: ")
    assert "\n" not in str(caught.value)


def test_no_file_and_no_toml_are_told(read, tmp_path):
    with pytest.raises(StudyError, match=r"no study in .*other.toml: No such file"):
        read_study(tmp_path / "other.toml", SEARCHERS, FIELDS)
    with pytest.raises(StudyError, match=r"not TOML: .*line 1"):
        read("question = \n")
    with pytest.raises(StudyError, match="the file has no question"):
        read("")
    with pytest.raises(StudyError, match="methods is empty"):
        read('question = "?"\nsearcher = "random"\nmethods = {}\nscales = {}\n')


def test_the_line_of_what_stands_nowhere_is_that_of_the_table_around_it():
    text = 'a = 1\n[b]\n# c = 2\n[b.d]\n[[e]]\nf = 1\n[[e]]\nf = 2\n["g.h"]\ni.j = 3\n'
    lines = {("a",): 1, ("b", "c"): 2, ("b", "d", "x"): 4, ("e", 0, "f"): 6, ("e", 1, "f"): 8, ("g.h", "i", "j"): 10}
    assert {keys: line_of(text, keys) for keys in lines} == lines
    assert line_of(text, ("unknown",)) == 1


def test_the_methods_of_another_study_are_taken_by_its_name(read):
    scales = MINE[MINE.index("[scales.smoke]") :]
    text = 'question = "Which?"\nsearcher = "random"\nmethods = "equal/wide"\n\n' + scales
    assert read(text).methods == STUDIES["equal/wide"].methods
    with pytest.raises(StudyError, match=r"mine.toml:3: unknown study 'equal/wid' \(did you mean 'equal/wide'\?\)"):
        read(text.replace("equal/wide", "equal/wid"))

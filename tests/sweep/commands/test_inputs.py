"""What a user writes is bounded and typed before anything starts: one line, or a plan; never a traceback."""

import json
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganscape.errors import UserError
from ganscape.limits import LIMITS, check_path, check_size
from ganscape.models.config import ALIASES, FIELDS, check_value
from ganscape.search_spaces import write_study
from ganscape.search_spaces.studies import find_shipped
from ganscape.search_spaces.study_file import read_study
from ganscape.sweep.commands.settings import expand_user, parse_settings
from ganscape.sweep.plan import SCALE_FIELDS, plan
from ganscape.sweep.schedulers import SCHEDULERS
from ganscape.sweep.searchers import SEARCHERS

RUN = ("run", "equal/wide", "--methods", "vae", "--dry-run")
HUGE = "9" * 5000
INPUTS = settings.get_profile("inputs")


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["--set", f"z_dim={HUGE}"], ["'z_dim'", "no number"]),
        (["--set", "images=" + "[" * 5000], ["'images'"]),
        (["--set", "batch_size=[1,2]"], ["'batch_size'", "[1,2]", "one value"]),
        (["--set", "images=1000000000000000000000"], ["images=1e+21", "2,000,000,000"]),
        (["--set", "configs=2147483648"], ["configs=2147483648", "1,000,000"]),
        (["--set", "configs=900000", "--seeds", "90000"], ["trials", "1,000,000", "years"]),
        (["--set", "interval=1"], ["images / interval", "10,000"]),
        (["--set", "samples=" + "1" + "0" * 30], ["samples=1e+30"]),
        (["--set", "z_dim=9223372036854775808"], ["z_dim=9.2e+18", "1,048,576"]),
        (["--set", "g_lr=1" + "0" * 400], ["g_lr=1e400"]),
        (["--set", "configs=1", "--set", "configs=2"], ["'configs'", "twice", "1 and 2"]),
        (["--set", "configs=2", "--set", "rounds=3"], ["rounds=3", "configs=2"]),
        (["--seeds", "1000000"], ["seeds=1000000", "100,000"]),
        (["--lanes", "1" + "0" * 30], ["lanes=1e+30", "1,024"]),
        (["--workers", "1" + "0" * 30], ["workers=1e+30", "4,096"]),
        (["--cpus-per-worker", "1e30"], ["cpus_per_worker=1e+30"]),
        (["--data-root", "\n"], ["--data-root", "'\\n'"]),
        (["--cache-dir", "null"], ["--cache-dir", "'null'"]),
        (["--data", "L\udce9"], ["--data", "UTF-8"]),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line_with_its_value(words, fragments, ganscape, refused, tmp_path):
    refused(ganscape(*RUN, "--out", tmp_path / "out", *words), *fragments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["run", "equal/wide", "--epochs", "3"], ["--epochs", "--set images=N"]),
        (["run", "equal/wide", "--gpus", "3"], ["--gpus", "--gpus-per-worker"]),
        (["run", "equal/wide", "--resume"], ["--resume", "same command"]),
        (["run", "equal/wide", "-n", "3"], ["-n", "--set configs=N"]),
        (["run", "equal/wide", "--wokers", "3"], ["--wokers", "'--workers'"]),
        (["run", "equal/wide", "--workers", "x"], ["--workers"]),
        (["run"], ["STUDY"]),
        (["rnu"], ["rnu", "run"]),
        (["serve", "x", "--port", "70000"], ["--port", "65535"]),
        (["calibrate", "bias", "--repeats", "0"], ["--repeats"]),
        (["encoder", "convert", "x"], ["--to"]),
    ],
)
def test_a_mistake_in_the_options_is_one_line_that_says_where_the_choices_are(words, fragments, ganscape, refused):
    refused(ganscape(*words), *fragments, "--help")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("never") / "out"


VALUES = st.one_of(
    st.integers(),
    st.integers(1, 70),
    st.integers(min_value=10**18, max_value=10**25),
    st.floats(),
    st.booleans(),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=2),
    st.none(),
    st.sampled_from(["none", "adam", "hinge", "spectral_norm", "mlp"]),
)


@settings(INPUTS, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*FIELDS, *ALIASES, *SCALE_FIELDS, "confirm", "nope"]), VALUES, max_size=2))
def test_any_settings_give_a_plan_or_one_sentence(out, chosen):
    small = {"configs": 1, "images": 1280, "interval": 640, "samples": 50}
    try:
        plan("equal/wide", out=out, methods=["vae"], seeds=1, settings=small | chosen)
    except UserError as error:
        assert str(error) and "\n" not in str(error) and len(str(error)) < 4000
    assert not out.exists()


@settings(INPUTS, max_examples=4 * INPUTS.max_examples)
@given(st.text(string.printable, max_size=40), st.text(max_size=40))
def test_any_text_after_set_gives_a_setting_or_one_sentence(name, text):
    try:
        parsed = parse_settings([f"{name}={text}"])
    except UserError as error:
        assert str(error)
    else:
        ((_, value),) = parsed.items()
        assert isinstance(value, bool | int | float | str)


def test_a_setting_is_read_as_json_and_else_as_text():
    texts = ["a=1", "b=1e-3", "c=true", "d=hinge", "e=", "f=x=y", 'g="1"']
    expected = {"a": 1, "b": 1e-3, "c": True, "d": "hinge", "e": "", "f": "x=y", "g": "1"}
    assert parse_settings(texts) == expected


def read(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_study(path, SEARCHERS, [*FIELDS, *ALIASES], SCHEDULERS, check_value)


@pytest.fixture(scope="module")
def study_text():
    return write_study(find_shipped("equal/wide").select_methods(["vae"]))


@settings(INPUTS, max_examples=4 * INPUTS.max_examples)
@given(st.data())
def test_a_study_file_with_a_piece_replaced_is_read_or_refused_in_one_line(tmp_path_factory, study_text, data):
    start = data.draw(st.integers(0, len(study_text)))
    end = data.draw(st.integers(start, min(start + 30, len(study_text))))
    pieces = st.sampled_from(["=", "[", "[[", "9" * 5000, "[" * 3000, '"', "\0"])
    piece = data.draw(st.one_of(st.text(max_size=8), pieces))
    path = tmp_path_factory.getbasetemp() / "study.toml"
    try:
        read(path, study_text[:start] + piece + study_text[end:])
    except UserError as error:
        assert str(error).startswith(f"{path}:") and "\n" not in str(error)


@pytest.mark.parametrize(
    ("before", "after", "fragments"),
    [
        ("[methods.vae]", '[methods."../../x"]', ["'../../x'", "letters"]),
        ("[methods.vae]", '[methods.""]', ["''"]),
        ("[methods.vae]", f"[methods.{'x' * 10_000}]", ["64 at most"]),
        ("high = 0.01", "high = 1e30", ["e+29", "1e+12"]),
    ],
)
def test_a_mistake_in_a_study_file_is_named_with_its_line(before, after, fragments, tmp_path, study_text):
    assert before in study_text
    with pytest.raises(UserError) as error:
        read(tmp_path / "study.toml", study_text.replace(before, after))
    for fragment in (*fragments, "study.toml:"):
        assert fragment in str(error.value)


def test_the_ends_of_a_range_are_held_to_the_field_when_the_study_is_read(tmp_path, study_text):
    text = study_text.replace("beta1 = {low = 0.0, high = 1.0}", "beta1 = {low = 0.0, high = 1.001}", 1)
    assert text != study_text
    with pytest.raises(UserError, match=r"study\.toml:\d+: beta1=1.00099\d* is outside \[0, 1\)"):
        read(tmp_path / "study.toml", text)


def test_own_settings_of_a_method_that_does_not_exist_are_refused(tmp_path, study_text):
    with pytest.raises(UserError, match="unknown method 'nope'"):
        read(tmp_path / "study.toml", study_text + "\n[scales.smoke.own.nope]\nbatch_size = 8\n")


def test_a_file_with_a_byte_order_mark_is_read(tmp_path, study_text):
    assert read(tmp_path / "study.toml", b"\xef\xbb\xbf" + study_text.encode()).methods.keys() == {"vae"}


def test_what_is_no_regular_file_or_endless_is_no_study(tmp_path):
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    with pytest.raises(UserError, match="it is no file"):
        read_study(tmp_path / "zero.toml", SEARCHERS, FIELDS)
    with pytest.raises(UserError, match="a study is a page of text"):
        read(tmp_path / "long.toml", "#" * (LIMITS["study file"].value + 1))


def test_every_limit_is_refused_one_above_and_allowed_itself():
    for name, limit in LIMITS.items():
        check_size(name, limit.value)
        with pytest.raises(UserError, match=name):
            check_size(name, limit.value + 1)


def test_a_folder_that_is_called_null_may_be_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError):
        check_path("--out", "null")
    (tmp_path / "null").mkdir()
    check_path("--out", "null")


def test_a_tilde_that_the_shell_left_alone_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert expand_user("~/faces") == "/home/somebody/faces" and expand_user("faces/~") == "faces/~"


def test_json_of_the_text_is_not_evaluated_beyond_values():
    with pytest.raises(UserError):
        parse_settings([f"a={json.dumps({'b': 1})}"])

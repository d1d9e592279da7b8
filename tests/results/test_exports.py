"""Results for other programs: data sets that travel and come back, Optuna's storage, TensorBoard's runs."""

import json
import os
import resource
import shutil
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as profiles
from hypothesis import strategies as st

from ganscape.errors import UserError
from ganscape.results.dataset_folder import export_dataset, import_dataset
from ganscape.results.exports import EXPORTS, check_export
from ganscape.results.frames import RECORDED, load
from ganscape.results.page.figures import data_tables
from ganscape.results.store import STORE, StoreError, open_store, read_columns
from ganscape.results.tabular import Tabular

WIDE = RECORDED / "equal_wide_digits"
TABLES = {"environments", "failures", "protocols", "scores", "study", "trials"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The recorded study as a data set, with a picture."""
    folder = tmp_path_factory.mktemp("exported")
    out = folder / "out"
    shutil.copytree(WIDE, out)
    (out / "samples" / "t").mkdir(parents=True)
    (out / "samples" / "t" / "1.png").write_bytes(b"picture")
    return export_dataset(out, folder / "data", "CC-BY-4.0")


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    """The recorded study as Optuna's storage."""
    pytest.importorskip("optuna", reason="Optuna is not installed: pip install ganscape[optuna]")
    return EXPORTS["optuna"](WIDE, tmp_path_factory.mktemp("optuna") / "storage.db")


@pytest.fixture
def copy(exported, tmp_path):
    return Path(shutil.copytree(exported, tmp_path / "copy"))


def test_a_data_set_comes_back_as_the_same_sweep(exported, tmp_path):
    """Every value to the last bit, but for the name of the host, and the same curves."""
    back = import_dataset(exported, tmp_path / "back")
    before, after = read_columns(WIDE), read_columns(back)
    for start in before["environments"]["environment"]:
        start.pop("host", None)
    assert before == after
    assert (back / "samples" / "t" / "1.png").read_bytes() == b"picture"
    curves = [data_tables(load(folder)) for folder in (WIDE, back)]
    assert "wgan" in curves[0]["budget-curves"] and curves[0] == curves[1]
    with open_store(back) as store:  # it can be continued
        assert store.study() == load(WIDE).study


def test_a_data_set_is_whole_and_names_nobody(exported):
    names = {path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file()}
    assert names >= {"README.md", "croissant.json", "CITATION.cff", "samples/t/1.png"}
    assert {f"tables/{name}.parquet" for name in TABLES} <= names
    pandas = pytest.importorskip("pandas")
    starts = pandas.read_parquet(exported / "tables" / "environments.parquet")
    assert len(starts) and not starts["environment"].str.contains('"host"').any()
    scores = pandas.read_parquet(exported / "tables" / "scores.parquet")
    np.testing.assert_array_equal(scores["value"], load(WIDE).scores()["value"])


def test_the_card_says_what_was_asked_found_and_how_it_was_measured(exported):
    card = (exported / "README.md").read_text(encoding="utf-8")
    results = load(WIDE)
    assert card.startswith("---\npretty_name: ") and "license: cc-by-4.0" in card.split("---")[1]
    assert results.study["question"] in card and f"| metric | {results.study['metric']} |" in card
    assert f"[scores](tables/scores.parquet) | {len(results.scores()):,} |" in card


def test_the_metadata_are_croissant_as_its_own_library_reads_them(exported):
    croissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed: pip install mlcroissant")
    with warnings.catch_warnings():  # of the library's own dependencies
        warnings.simplefilter("ignore")
        dataset = croissant.Dataset(jsonld=str(exported / "croissant.json"))
        first = next(iter(dataset.records("scores")))
    assert not dataset.metadata.issues.errors, dataset.metadata.issues.report()
    assert {record_set.id for record_set in dataset.metadata.record_sets} >= TABLES
    assert first["scores/value"] == load(WIDE).scores()["value"][0]


def test_every_field_of_the_metadata_is_a_column_of_its_file(exported):
    from pyarrow import parquet

    metadata = json.loads((exported / "croissant.json").read_text())
    assert metadata["license"] == "https://spdx.org/licenses/CC-BY-4.0"
    for record_set in metadata["recordSet"]:
        columns = parquet.read_schema(exported / "tables" / f"{record_set['name']}.parquet").names
        assert [field["name"] for field in record_set["field"]] == columns


def damage(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda copy: (copy / "tables" / "scores.parquet").unlink(), r"tables/scores\.parquet' is missing"),
        (lambda copy: damage(copy, "tables/trials.parquet"), r"tables/trials\.parquet' is not what was exported"),
        (lambda copy: (copy / "croissant.json").unlink(), "is no data set of a sweep: it holds no croissant.json"),
        (lambda copy: (copy / "croissant.json").write_text("{}"), "croissant.json' is damaged: KeyError"),
        (
            lambda copy: (copy / "croissant.json").write_text(
                json.dumps({"distribution": [{"contentUrl": "../../secret", "sha256": ""}]})
            ),
            r"names '\.\./\.\./secret', which is no file of tables/",
        ),
    ],
)
def test_a_missing_or_altered_file_is_named_and_nothing_is_made(copy, tmp_path, change, message):
    change(copy)
    with pytest.raises(StoreError, match=message):
        import_dataset(copy, tmp_path / "back")
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_tables_that_no_store_can_hold_are_refused(copy, tmp_path):
    """A table whose hash was put right by hand, with a score of no trial."""
    from pyarrow import parquet

    from ganscape.results.dataset_folder import _sha256

    table = parquet.read_table(copy / "tables" / "trials.parquet")
    parquet.write_table(table.slice(1), copy / "tables" / "trials.parquet")
    metadata = json.loads((copy / "croissant.json").read_text())
    for entry in metadata["distribution"]:
        entry["sha256"] = _sha256(copy / entry["contentUrl"])
    (copy / "croissant.json").write_text(json.dumps(metadata))
    with pytest.raises(StoreError, match="no store can hold"):
        import_dataset(copy, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def forge(folder, table, columns):
    """Changes columns of a table of a data set, and puts its hash right."""
    import pyarrow
    from pyarrow import parquet

    from ganscape.results.dataset_folder import _sha256

    path = folder / "tables" / f"{table}.parquet"
    whole = parquet.read_table(path).to_pydict()
    rows = len(next(iter(whole.values())))
    changed = whole | {name: [value] * rows for name, value in columns.items()}
    parquet.write_table(pyarrow.table(changed), path)
    metadata = json.loads((folder / "croissant.json").read_text())
    for entry in metadata["distribution"]:
        entry["sha256"] = _sha256(folder / entry["contentUrl"])
    (folder / "croissant.json").write_text(json.dumps(metadata))


VALUES = st.sampled_from([None, 0, -1, 0.5, "", "../../x", "[]", "{}", "null", b"\xff", [1], {"a": 1}, True, 2**40])


def test_tables_that_say_anything_are_imported_or_refused_and_so_is_what_comes_of_them(exported, tmp_path):
    """Tables whose hashes were put right by hand."""
    from pyarrow import parquet

    names = {path.stem: parquet.read_schema(path).names for path in sorted((exported / "tables").glob("*.parquet"))}

    @profiles.get_profile("inputs")
    @given(st.data())
    def check(data):
        table = data.draw(st.sampled_from(list(names)))
        columns = st.sampled_from([*names[table], "nope"])
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            copy = Path(shutil.copytree(exported, Path(folder) / "copy"))
            forge(copy, table, data.draw(st.dictionaries(columns, VALUES, min_size=1, max_size=2)))
            with suppress(UserError):
                results = load(import_dataset(copy, Path(folder) / "back"))
                results.scores(), results.trials(), results.failures()
            assert {path.name for path in Path(folder).iterdir()} <= {"copy", "back"}

    check()


def test_what_is_no_picture_in_a_data_set_stays_behind(copy, tmp_path):
    (tmp_path / "secret").write_text("mine")
    (copy / "samples" / "t" / "2.png").symlink_to(tmp_path / "secret")
    (copy / "samples" / "u").symlink_to(tmp_path)
    os.mkfifo(copy / "samples" / "t" / "3.png")
    back = import_dataset(copy, tmp_path / "back")
    assert [path.name for path in sorted((back / "samples").rglob("*"))] == ["t", "1.png"]


@pytest.mark.parametrize("kind", ["dataset", "optuna", "syne-tune", "tensorboard"])
def test_a_target_that_exists_is_refused_and_left_alone(kind, tmp_path):
    if kind == "optuna":
        pytest.importorskip("optuna")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    with pytest.raises(StoreError, match=r"mine' exists; name a new"):
        EXPORTS[kind](WIDE, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("kind", ["dataset", "optuna", "table", "tensorboard"])
def test_without_room_an_export_is_refused_by_its_name_and_leaves_nothing(kind, tmp_path):
    if kind in ("optuna", "tensorboard"):
        pytest.importorskip({"optuna": "optuna", "tensorboard": "tensorboardX"}[kind])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        with pytest.raises(StoreError, match=f"^cannot write '{tmp_path}/target.csv': .*") as raised:
            EXPORTS[kind](WIDE, tmp_path / "target.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(raised.value) and not any(tmp_path.iterdir())


def test_an_output_folder_that_exists_is_not_imported_into(exported, tmp_path):
    shutil.copy(WIDE / STORE, tmp_path)
    with pytest.raises(StoreError, match="exists; name a new folder"):
        import_dataset(exported, tmp_path)
    assert (tmp_path / STORE).read_bytes() == (WIDE / STORE).read_bytes()


@pytest.mark.parametrize(
    "kind, license, message",
    [
        ("datset", None, r"unknown kind of export 'datset' .did you mean 'dataset'"),
        ("table", "MIT", "is of a data set"),
    ],
)
def test_a_kind_of_export_that_is_none_is_refused(kind, license, message):
    with pytest.raises(StoreError, match=message):
        check_export(kind, license)


def test_optuna_reads_every_config_with_its_median_and_its_rungs(storage):
    import optuna

    results = load(WIDE)
    per_trial = results.per_trial()
    medians = per_trial.groupby(["method", "config"])["value"].median()
    summaries = optuna.get_all_study_summaries(f"sqlite:///{storage}")
    assert {summary.study_name for summary in summaries} == {f"equal/wide/{method}" for method in results.methods()}
    for method in ("wgan_gp", "began", "vae"):  # settings of a penalty, of a family, and few
        study = optuna.load_study(study_name=f"equal/wide/{method}", storage=f"sqlite:///{storage}")
        finite = medians[method][np.isfinite(medians[method])]
        complete = [trial for trial in study.trials if trial.value is not None]
        assert {trial.user_attrs["config"]: trial.value for trial in complete} == finite.to_dict()
        assert study.best_value == finite.min()
        config = study.best_trial.user_attrs["config"]
        assert study.best_trial.params == results.settings(config)
        rungs = results.scores().query("config == @config and method == @method").groupby("rung")["value"].median()
        assert study.best_trial.intermediate_values == rungs.to_dict()


def test_optuna_is_told_that_both_learning_rates_are_searched_on_a_logarithmic_scale(storage):
    """They are searched under one name and stored as two."""
    import optuna

    study = optuna.load_study(study_name="equal/wide/vae", storage=f"sqlite:///{storage}")
    searched = load(WIDE).study["methods"]["vae"]["dimensions"]["learning_rate"]
    for rate in ("g_lr", "d_lr"):
        distribution = study.best_trial.distributions[rate]
        assert distribution.log and (distribution.low, distribution.high) == (searched["low"], searched["high"])


def black_box(folder: Path) -> dict:
    """The files of a black box, by the format that `blackbox_tabular.deserialize` of Syne Tune 0.16 reads."""
    from pyarrow import parquet

    box = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    box |= {path.stem: np.load(path, allow_pickle=False) for path in folder.glob("*.npy")}
    return box | {"hyperparameters": parquet.read_table(folder / "hyperparameters.parquet").to_pylist()}


@pytest.mark.parametrize("name", ["equal_wide_digits", "landscape_reg_norm_digits"])
def test_a_black_box_has_every_score_at_its_config_seed_and_rung(name, tmp_path):
    folder, table = EXPORTS["syne-tune"](RECORDED / name, tmp_path / "boxes"), Tabular(RECORDED / name)
    assert {path.name for path in folder.iterdir()} == set(table.methods)
    for method in table.methods:
        box = black_box(folder / method)
        configs, seeds = box["metadata"]["configs"], box["metadata"]["seeds"]
        assert configs == table.configs(method)
        assert tuple(box["fidelities_values"]) == table.rungs
        assert box["metadata"]["objectives_names"] == [table.metric, "metric_elapsed_time"]
        evaluations = box["objectives_evaluations"]
        assert evaluations.shape == (1, len(configs), len(seeds[0]), len(table.rungs), 2)
        for place in np.ndindex(evaluations.shape[1:4]):
            answer = table.ask(configs[place[0]], table.rungs[place[2]], seeds[place[0]][place[1]])
            assert tuple(evaluations[0][place]) == (answer.value, answer.seconds)


def test_a_black_box_is_searched_as_the_study_was(tmp_path):
    """Columns are what was searched, by its own name and scale; what never varies is a setting of all."""
    box = black_box(EXPORTS["syne-tune"](WIDE, tmp_path / "boxes") / "wgan")
    searched = load(WIDE).study["methods"]["wgan"]["dimensions"]
    assert set(box["configspace"]) == set(searched) == set(box["hyperparameters"][0])
    rate, norm = box["configspace"]["learning_rate"], box["configspace"]["discriminator_normalization"]
    assert (rate["domain_cls"], rate["sampler_cls"]) == ("Float", "LogUniform")
    assert rate["domain_kwargs"] == {
        "lower": searched["learning_rate"]["low"],
        "upper": searched["learning_rate"]["high"],
    }
    assert (norm["domain_cls"], norm["domain_kwargs"]["categories"]) == ("Categorical", ["batch_norm", "none"])
    assert box["metadata"]["settings"]["projection"] == "weight_clipping"
    first = load(WIDE).settings(box["metadata"]["configs"][0])
    assert box["hyperparameters"][0]["learning_rate"] == first["g_lr"] == first["d_lr"]


def test_a_black_box_knows_failures_and_leaves_out_what_is_being_trained(build, tmp_path):
    out = build({"wgan": [[3.0, 4.0], [5.0, None], [6.0, "running"]], "vae": [[1.0]]})
    with open_store(out) as store:
        row = {"trial": "s", "config": "vae-0", "method": "vae", "seed": 1, "structure": "s"}
        store.add_trials(0, [row | {"settings": {"learning_rate": 1.0, "loss": "vae"}}])
        store.add_scores([{"trial": "s", "rung": 100, "images": 100, "metric": "fd_digits", "value": 9.0,
                           "protocol": load(out).study["protocol"], "attempt": 0, "seconds": 10.0}])  # fmt: skip
        store.add_failure({"trial": "s", "attempt": 0, "cause": "stopped", "rung": 100, "step": 1, "message": "",
                           "detail": "", "final": True})  # fmt: skip
    folder = EXPORTS["syne-tune"](out, tmp_path / "boxes")
    wgan, vae = (black_box(folder / method) for method in ("wgan", "vae"))
    assert wgan["metadata"]["configs"] == ["wgan-0", "wgan-1"]
    np.testing.assert_array_equal(wgan["objectives_evaluations"][0, 1, :, :, 0], [[10.0, 5.0], [np.inf, np.inf]])
    np.testing.assert_array_equal(vae["objectives_evaluations"][0, 0, 1], [[9.0, 10.0], [np.nan, np.nan]])


def test_syne_tune_reads_a_black_box_and_finds_each_config_in_it(tmp_path):
    reader = pytest.importorskip(
        "syne_tune.blackbox_repository.blackbox_tabular", reason="pip install 'syne-tune[blackbox-repository]'"
    )
    folder, table = EXPORTS["syne-tune"](WIDE, tmp_path / "boxes"), Tabular(WIDE)
    for method in table.methods:
        ((task, box),) = reader.deserialize(folder / method).items()
        assert task == "digits"
        for config, settings in zip(table.configs(method), box.all_configurations(), strict=True):
            found = box.objective_function(settings, fidelity={"images": table.rungs[1]}, seed=2)
            assert found[table.metric] == table.ask(config, table.rungs[1], seed=2).value
            assert all(domain.is_valid(settings[name]) for name, domain in box.configuration_space.items())


def test_tensorboard_has_a_run_per_trial_with_its_curve_and_settings(tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    folder = EXPORTS["tensorboard"](WIDE, tmp_path / "runs")
    scores = load(WIDE).scores()
    runs = {path.parent.relative_to(folder).as_posix(): path for path in folder.rglob("events.*")}
    assert set(runs) == set(scores["method"] + "/" + scores["trial"])
    trial = scores["trial"][0]
    rows = scores[scores["trial"] == trial]
    values = [value for event in events(runs[f"{rows['method'].iloc[0]}/{trial}"]) for value in event.summary.value]
    curve = [value.simple_value for value in values if value.tag == "fd_digits"]
    np.testing.assert_allclose(curve[-len(rows) :], rows["value"], rtol=1e-6)
    assert "_hparams_/session_start_info" in {value.tag for value in values}


def events(path: Path):
    """The records of an event file, by the format that TensorBoard documents: length, its checksum, data, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    content = path.read_bytes()
    while content:
        length = int.from_bytes(content[:8], "little")
        yield Event.FromString(content[12 : 12 + length])
        content = content[12 + length + 4 :]

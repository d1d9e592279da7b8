import numpy as np
import pytest

from ganscape.metrics import FEATURES, LOGITS, MetricError
from ganscape.metrics.encoders import NETWORKS, conversion, weight_files
from ganscape.metrics.encoders.conversion import contents, convert, encoder_facts, encoder_rows, file_facts, network_of
from ganscape.metrics.encoders.weight_files import Network, fingerprint, load_weights, read_weights, save_weights

SHAPES = {"one.weight": (3, 2), "one.bias": (3,), "two.weight": (1, 3)}


@pytest.fixture
def network(monkeypatch, no_weights):
    """A small network among the known ones, published as small.pth; its weights are looked for in tmp_path."""
    made = Network("small", SHAPES, ("small.pth", "other-small.pth"), "0" * 64, "https://example.org")
    monkeypatch.setitem(NETWORKS, "small", made)
    return made


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def save_torch(path, tensors):
    torch = pytest.importorskip("torch")
    torch.save({name: torch.from_numpy(values) for name, values in tensors.items()}, path)


def assert_equal(found, tensors):
    assert found.keys() == tensors.keys()
    for name, values in tensors.items():
        np.testing.assert_array_equal(found[name], values, strict=True)


def test_every_kind_of_file_holds_the_same_tensors_and_has_the_same_fingerprint(tmp_path, tensors):
    np.savez(tmp_path / "a.npz", **tensors)
    save_weights(tmp_path / "a.safetensors", tensors, {})
    save_torch(tmp_path / "a.pth", tensors)
    for kind in ("npz", "safetensors", "pth"):
        found = read_weights(tmp_path / f"a.{kind}")
        assert_equal(found.tensors, tensors)
        assert found.sha256 == fingerprint(tensors)


def test_the_fingerprint_is_of_names_shapes_and_values_alone(tensors):
    kept = fingerprint(tensors)
    assert fingerprint(dict(reversed(tensors.items()))) == kept
    assert fingerprint({name: np.asfortranarray(values) for name, values in tensors.items()}) == kept
    for change in (
        {"one.bias": tensors["one.bias"] + 1},
        {"one.weight": tensors["one.weight"].reshape(2, 3)},
        {"three": np.zeros(1)},
    ):
        assert fingerprint(tensors | change) != kept


def test_counters_are_dropped_and_other_floats_become_single(tmp_path):
    np.savez(tmp_path / "a.npz", **{"a.num_batches_tracked": np.int64(3), "b": np.ones(2), "c": np.ones(2, np.float16)})
    assert_equal(read_weights(tmp_path / "a.npz").tensors, {"b": np.ones(2, np.float32), "c": np.ones(2, np.float32)})
    np.savez(tmp_path / "a.npz", b=np.arange(3))
    with pytest.raises(MetricError, match="b is of type int64, not of floats"):
        read_weights(tmp_path / "a.npz")


def test_objects_in_an_npz_are_not_unpickled(tmp_path):
    class Calls:
        def __reduce__(self):
            return (tmp_path / "marker").touch, ()

    array = np.empty(1, object)
    array[0] = Calls()
    np.savez(tmp_path / "a.npz", a=array)
    with pytest.raises(MetricError, match=r"a\.npz: arrays that cannot be read"):
        read_weights(tmp_path / "a.npz")
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("suffix", [".pth", ".npz", ".safetensors"])
def test_a_file_of_nonsense_is_refused(tmp_path, suffix):
    for content in (b"", b"nonsense", bytes(range(256)) * 4):
        (tmp_path / f"a{suffix}").write_bytes(content)
        with pytest.raises(MetricError, match=f"a{suffix}: "):
            read_weights(tmp_path / f"a{suffix}")


def test_other_files_and_files_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(MetricError, match=r"a\.h5 is no weights file; .* \.pth, \.pt, \.npz, \.safetensors"):
        read_weights(tmp_path / "a.h5")
    with pytest.raises(MetricError, match=r"weights .*a\.npz: No such file"):
        read_weights(tmp_path / "a.npz")


def test_a_converted_file_that_changed_is_refused(tmp_path, tensors):
    path = tmp_path / "a.safetensors"
    save_weights(path, tensors, {})
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(MetricError, match="are damaged: sha256 .* of the tensors, not " + fingerprint(tensors)):
        read_weights(path)


def test_a_torch_file_must_be_the_published_one_whatever_its_name(network, tmp_path, tensors):
    for name in network.files:
        save_torch(tmp_path / name, tensors)
        with pytest.raises(MetricError, match=f"{name} is not the published file of small: sha256 .*, not {'0' * 64}"):
            load_weights(network)
        (tmp_path / name).unlink()
    save_torch(tmp_path / "small.pth", tensors)
    published = network._replace(sha256=read_weights(tmp_path / "small.pth").file_sha256)
    assert_equal(load_weights(published).tensors, tensors)


def test_weights_are_found_by_the_network_s_name_and_read_again_only_when_they_change(network, tmp_path, tensors):
    with pytest.raises(MetricError, match=f"small needs weights .*get small.pth from https://example.org .*{tmp_path}"):
        load_weights(network)
    np.savez(tmp_path / "small.npz", **tensors)
    first = load_weights(network)
    assert load_weights(network) is first
    save_weights(tmp_path / "small.safetensors", {name: values + 1 for name, values in tensors.items()}, {})
    assert_equal(load_weights(network).tensors, {name: values + 1 for name, values in tensors.items()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"one.bias": None}, "lacks one.bias"),
        (dict.fromkeys(SHAPES) | {"x": np.zeros(1)}, "lacks one.weight, one.bias, two.weight"),
        ({"extra": np.zeros(2)}, "is not small, which has no extra"),
        ({"one.weight": np.zeros((2, 3))}, "one.weight is 2x3, not 3x2 as in small"),
    ],
)
def test_what_is_not_the_network_is_refused_by_name(network, tmp_path, tensors, change, message):
    changed = {name: values for name, values in (tensors | change).items() if values is not None}
    np.savez(tmp_path / "small.npz", **changed)
    with pytest.raises(MetricError, match=message):
        load_weights(network)


def test_a_converted_file_holds_the_same_and_says_where_it_comes_from(network, tmp_path, tensors, monkeypatch):
    save_torch(tmp_path / "source.pth", tensors)
    unknown = convert(tmp_path / "source.pth", tmp_path / "a.safetensors")
    assert unknown.network.name == "small" and "not known to be the published" in unknown.origin
    published = network._replace(sha256=unknown.file.file_sha256)
    monkeypatch.setitem(NETWORKS, "small", published)
    assert contents(tmp_path / "source.pth").origin == "the published file"
    found = contents(tmp_path / "a.safetensors")
    assert found.origin == "converted from the published file, as its card says"
    assert found.file.card["source"] == "source.pth"
    assert_equal(found.file.tensors, tensors)
    again = convert(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert again.origin == found.origin
    assert (tmp_path / "b.safetensors").read_bytes() == (tmp_path / "a.safetensors").read_bytes()


def test_what_cannot_be_converted_is_refused_and_nothing_written(network, tmp_path, tensors):
    np.savez(tmp_path / "foreign.npz", x=np.zeros(2))
    np.savez(tmp_path / "good.npz", **tensors)
    there = tmp_path / "there.safetensors"
    there.write_text("mine")
    for source, to, message in (
        ("foreign.npz", "a.safetensors", "holds none of: inception, vgg16, dinov2_vits14, dinov2_vitb14, small"),
        ("good.npz", "a.npz", "must end in .safetensors"),
        ("good.npz", "there.safetensors", "exists"),
        ("good.npz", "no/folder.safetensors", "cannot write"),
    ):
        with pytest.raises(MetricError, match=message):
            convert(tmp_path / source, tmp_path / to)
    assert there.read_text() == "mine" and not (tmp_path / "a.safetensors").exists()


def test_facts_of_encoders_say_where_weights_are(no_weights):
    rows = {name: place for name, _, place in encoder_rows()}
    assert list(rows) == list(FEATURES | LOGITS)
    absent = {name for name, place in rows.items() if place == conversion.ABSENT}
    assert absent == {name for name in rows if name.startswith(("inception", "vgg16", "dinov2"))}
    assert {name for name in rows if network_of(name)} == absent
    facts = dict(encoder_facts("inception_clean"))
    assert facts["looked for in"] == str(no_weights) and facts["found"] == "absent"
    with pytest.raises(
        MetricError,
        match=r"unknown encoder 'inceptoin' \(did you mean 'inception'\?\); the path of a weights file, or one of: ",
    ):
        encoder_facts("inceptoin")


def test_facts_of_files_and_of_encoders_name_the_same_tensors(with_inception, inception_folder, inception_tensors):
    path = inception_folder / "inception.safetensors"
    of_file, of_encoder = dict(file_facts(path)), dict(encoder_facts("inception_64"))
    assert of_encoder["found"] == str(path)
    assert of_file["sha256 of the tensors"] == of_encoder["sha256 of the tensors"] == fingerprint(inception_tensors)
    assert of_file["network"] == "inception" and "23,885,392 numbers in 472 tensors" in of_file["holds"]


def test_the_folder_is_that_of_the_environment_or_of_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("GANSCAPE_WEIGHTS", "~/there")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weight_files.weights_folder() == tmp_path / "there"
    monkeypatch.delenv("GANSCAPE_WEIGHTS")
    assert weight_files.weights_folder() == tmp_path / ".cache" / "ganscape" / "weights"

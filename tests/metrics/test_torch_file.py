import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from ganscape.metrics import MetricError
from ganscape.metrics.encoders.torch_file import MAGIC, VERSION, read_state_dict

torch = pytest.importorskip("torch")

FORMATS = [pytest.param(True, id="zip"), pytest.param(False, id="pickles")]


@pytest.fixture(params=FORMATS)
def save(request, tmp_path):
    """Returns the function that saves an object in one of the formats and returns the file's path."""

    def saved(thing, name="weights.pth"):
        torch.save(thing, tmp_path / name, _use_new_zipfile_serialization=request.param)
        return tmp_path / name

    return saved


class Calls:
    """Pickled, it is a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_a_module_s_state_is_read_equal(save):
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Linear(4, 5))
    found = read_state_dict(save(module.state_dict()))
    assert list(found) == list(module.state_dict())
    for name, tensor in module.state_dict().items():
        np.testing.assert_array_equal(found[name], tensor.numpy())
        assert found[name].dtype == tensor.numpy().dtype


def test_views_parameters_halves_and_scalars_are_read_equal(save):
    base = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    state = {
        "whole": base,
        "part": base[2:5, 1:],
        "turned": base.t(),
        "steps": base[::2],
        "parameter": torch.nn.Parameter(base[:1]),
        "half": base.half(),
        "double": base.double(),
        "scalar": torch.tensor(7),
        "nothing": torch.zeros(0, 3),
    }
    found = read_state_dict(save(state))
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        np.testing.assert_array_equal(found[name], tensor.detach().numpy(), strict=True)


@pytest.mark.parametrize(
    ("function", "name"),
    [(os.system, "posix.system"), (eval, "builtin.*eval"), (getattr, "builtin.*getattr"), (torch.load, "torch.*load")],
)
def test_code_is_refused_by_name_and_not_run(save, tmp_path, function, name):
    marker = tmp_path / "marker"
    path = save(OrderedDict(a=torch.zeros(2), b=Calls(function, f"touch {marker}", "b")))
    with pytest.raises(MetricError, match=f"weights.pth: it asks for .*{name}, which is refused"):
        read_state_dict(path)
    assert not marker.exists()


def test_what_is_no_flat_dictionary_of_tensors_is_refused(save):
    for thing, words in (
        ({"state_dict": {"a": torch.zeros(2)}}, "a dict called 'state_dict', not only tensors"),
        ([torch.zeros(2)], "it holds a list, not a dictionary"),
        ({"epoch": 3}, "a int called 'epoch'"),
        ({1: torch.zeros(1)}, "a _Tensor called 1"),
        (torch.nn.Linear(2, 2), "asks for torch.nn.modules.linear.Linear"),
        ({"a": torch.zeros(2, dtype=torch.bfloat16)}, "asks for torch.BFloat16Storage"),
    ):
        with pytest.raises(MetricError, match=words):
            read_state_dict(save(thing))


def test_a_damaged_file_is_refused(save):
    path = save({"a": torch.zeros(1000)})
    content = path.read_bytes()
    for length in (0, 1, 100, len(content) // 2, len(content) - 500):
        path.write_bytes(content[:length])
        with pytest.raises(MetricError, match=r"weights\.pth: "):
            read_state_dict(path)


def handmade(path, *pickles, tail=b""):
    """A file of the older format; a pickle is bytes, or what is to be pickled."""
    head = (MAGIC, VERSION, {"little_endian": True})
    parts = [each if isinstance(each, bytes) else pickle.dumps(each, 2) for each in (*head, *pickles)]
    path.write_bytes(b"".join(parts) + tail)
    return path


def tensor(shape, strides, offset=0, count=4):
    """The pickle of one tensor called `a`, of 4 floats in storage 0."""
    storage = b"(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuI%d\nNtQ" % count
    sizes = b"".join(b"(" + b"".join(b"I%d\n" % n for n in each) + b"t" for each in (shape, strides))
    return (
        b"\x80\x02}U\x01actorch._utils\n_rebuild_tensor_v2\n(" + storage + b"I%d\n" % offset + sizes
        + b"I00\nccollections\nOrderedDict\n)RtRs."
    )  # fmt: skip


FLOATS = (4).to_bytes(8, "little") + np.arange(4, dtype="<f4").tobytes()


def test_a_handmade_file_is_read(tmp_path):
    found = read_state_dict(handmade(tmp_path / "a.pth", tensor((2, 2), (1, 2)), ["0"], tail=FLOATS))
    assert found["a"].tolist() == [[0, 2], [1, 3]]


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((5,), (1,), 0), ((4,), (1,), 1), ((2, 2), (4, 1), 0), ((9,), (0,), 0), ((2,), (-1,), 1), ((2,), (1, 1), 0)],
)
def test_tensors_beyond_their_storage_are_refused(tmp_path, shape, strides, offset):
    path = handmade(tmp_path / "a.pth", tensor(shape, strides, offset), ["0"], tail=FLOATS)
    with pytest.raises(MetricError, match=r"tensor a (reaches beyond its storage|has no sound shape)"):
        read_state_dict(path)


def test_a_storage_of_another_length_than_said_is_refused(tmp_path):
    with pytest.raises(MetricError, match="storage 0 has 4 elements, not 5"):
        read_state_dict(handmade(tmp_path / "a.pth", tensor((2,), (1,), count=5), ["0"], tail=FLOATS))


def test_a_file_leaves_nothing_behind(tmp_path):
    """Its pickle sets the defaults of the function that it may name; the next file finds them as they were."""
    hostile = b"\x80\x02ctorch._utils\n_rebuild_parameter\n(N}U\x0c__defaults__(I1\nI2\nI3\ntstb."
    with pytest.raises(MetricError):
        read_state_dict(handmade(tmp_path / "hostile.pth", hostile, [], tail=b""))
    called = b"}U\x01actorch._utils\n_rebuild_parameter\n)Rs}U\x01a"
    calls_bare = tensor((2,), (1,)).replace(b"}U\x01a", called, 1)
    with pytest.raises(MetricError, match="TypeError"):
        read_state_dict(handmade(tmp_path / "bare.pth", calls_bare, ["0"], tail=FLOATS))


def test_numbers_of_the_other_byte_order_are_refused(tmp_path):
    path = tmp_path / "big.pth"
    torch.save({"a": torch.zeros(2)}, tmp_path / "little.pth")
    with zipfile.ZipFile(tmp_path / "little.pth") as old, zipfile.ZipFile(path, "w") as made:
        for name in old.namelist():
            made.writestr(name, b"big" if name.endswith("byteorder") else old.read(name))
    with pytest.raises(MetricError, match="little-endian"):
        read_state_dict(path)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        read_state_dict(tmp_path / "nowhere.pth")

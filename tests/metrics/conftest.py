import numpy as np
import pytest

from ganscape.metrics.encoders.inception import NETWORK
from ganscape.metrics.encoders.weight_files import save_weights


@pytest.fixture(scope="session")
def random_tensors():
    """Returns the function from shapes to weights that keep the scale of features through the layers."""

    def made(shapes, seed=0):
        rng = np.random.default_rng(seed)
        return {name: one(rng, name, shape) for name, shape in shapes.items()}

    def one(rng, name, shape):
        if len(shape) > 1:
            return rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[1:])))
        if name.endswith(("running_var", "bn.weight")):
            return rng.uniform(0.5, 1.5, shape).astype(np.float32)
        return rng.normal(0, 0.1, shape).astype(np.float32)

    return made


@pytest.fixture(scope="session")
def inception_tensors(random_tensors):
    return random_tensors(NETWORK.shapes)


@pytest.fixture(scope="session")
def inception_folder(tmp_path_factory, inception_tensors):
    """A folder with random weights of Inception."""
    folder = tmp_path_factory.mktemp("weights")
    save_weights(folder / "inception.safetensors", inception_tensors, {"source": "random"})
    return folder


@pytest.fixture
def with_inception(inception_folder, monkeypatch):
    monkeypatch.setenv("GANSCAPE_WEIGHTS", str(inception_folder))


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("GANSCAPE_WEIGHTS", str(tmp_path))
    return tmp_path

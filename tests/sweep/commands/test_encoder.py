"""Commands on encoders and their weights."""

import numpy as np

from ganscape.metrics.encoders import ENCODERS, NETWORKS


def test_encoders_are_listed_and_told_of(ganscape, refused, tmp_path, monkeypatch):
    monkeypatch.setenv("GANSCAPE_WEIGHTS", "/nowhere")
    listed = ganscape("encoder", "info")
    assert listed.exit_code == 0
    for name in ENCODERS:
        assert f" {name} " in listed.stdout
    told = ganscape("encoder", "info", "inception_clean", "--weights", tmp_path)
    for text in ("pt_inception-2015-12-05-6726825d.pth", "https://github.com/mseitzer", str(tmp_path), "absent"):
        assert text in told.stdout
    refused(ganscape("encoder", "info", "inceptoin"), "'inceptoin'", "pixels, digits")
    refused(ganscape("encoder", "info", tmp_path / "a.pth"), "a.pth: No such file")


def test_weights_are_converted_and_used(ganscape, refused, tmp_path, monkeypatch):
    """Random ones of a small network in the place of VGG16."""
    tensors = {"a": np.ones((2, 3), np.float32)}
    network = NETWORKS["vgg16"]._replace(shapes={"a": (2, 3)})
    monkeypatch.setitem(NETWORKS, "vgg16", network)
    np.savez(tmp_path / "weights.npz", **tensors)
    made = tmp_path / "vgg16.safetensors"
    converted = ganscape("encoder", "convert", tmp_path / "weights.npz", "--to", made)
    assert converted.exit_code == 0 and "vgg16, not known to be the published weights" in converted.stdout
    assert "6 numbers in 1 tensors" in ganscape("encoder", "info", made).stdout
    monkeypatch.setenv("GANSCAPE_WEIGHTS", str(tmp_path))
    assert str(made) in ganscape("encoder", "info", "vgg16").stdout
    refused(ganscape("encoder", "convert", tmp_path / "weights.npz", "--to", made), "vgg16.safetensors exists")

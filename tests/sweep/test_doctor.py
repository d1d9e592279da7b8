"""What `ganscape doctor` finds, on this machine and on ones with a fault."""

import errno
import importlib.metadata
import os
import re

import pytest

from ganscape.sweep import doctor, proof


def findings(generator):
    return {finding.what: finding for finding in generator}


def test_this_machine_s_facts_are_those_of_the_kernel_and_the_packages(tmp_path, monkeypatch, ganscape):
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    done = ganscape("doctor", "--out", tmp_path / "out", "--data-root", tmp_path)
    assert done.exit_code in (0, 1)  # other processes may leave too little memory
    assert f"jax {importlib.metadata.version('jax')}" in done.stdout
    words = " ".join(done.stdout.replace("\N{BOX DRAWINGS LIGHT VERTICAL}", " ").split())  # cells break long lines
    assert re.search(r"variables [A-Z0-9_, ]*\bJAX_ENABLE_X64\b[A-Z0-9_, ]*: not passed on", words), done.stdout
    assert "known results are computed exactly" in done.stdout and "digits" in done.stdout
    assert str(tmp_path) in done.stdout and not (tmp_path / "out").exists()
    assert ("nothing hinders" in done.stdout) == (done.exit_code == 0) == ("problem:" not in done.stderr)


def test_a_processor_that_computes_wrongly_is_a_problem(monkeypatch):
    monkeypatch.setattr(proof, "fault", lambda: "a product")
    assert findings(doctor._devices())["arithmetic"].problem == "a product is computed wrongly"


def test_too_little_memory_for_as_many_workers_as_cores_is_said_with_the_number_that_fits(monkeypatch):
    monkeypatch.setattr(doctor, "cores", lambda: 8)
    monkeypatch.setattr(doctor, "available_bytes", lambda: 4 * 2**30)
    finding = findings(doctor._machine())["memory"]
    assert "about 2 workers of small images, not for 8" in finding.problem and finding.remedy == "--workers 2"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_a_problem(tmp_path):
    tmp_path.chmod(0o500)
    assert "cannot be written" in findings(doctor._folders(tmp_path / "out", tmp_path))["output folder"].problem
    tmp_path.chmod(0o700)


def test_a_file_system_without_locks_is_a_problem_for_the_output_folder_alone(tmp_path, monkeypatch):
    def flock(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(doctor.fcntl, "flock", flock)
    found = findings(doctor._folders(tmp_path / "out", tmp_path))
    assert "No locks available" in found["output folder"].problem
    assert not found["data root"].problem


def test_a_network_s_file_system_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(
        doctor, "_lines", lambda path: [f"server:/x {tmp_path} nfs4 rw 0 0", "overlay / overlay rw 0 0"]
    )
    found = findings(doctor._folders(tmp_path / "out", tmp_path.parent))
    assert "nfs4 is a file system of a network" in found["output folder"].problem
    assert "overlay" in found["data root"].value


def test_a_full_disk_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 5}))
    assert "nearly full" in findings(doctor._folders(tmp_path, tmp_path))["output folder"].problem


def test_encoders_with_weights_and_without_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("GANSCAPE_WEIGHTS", str(tmp_path))
    found = findings(doctor._encoders())
    assert {"pixels", "digits", "mnist16", "random_conv"} <= set(found["encoders"].value.split(", "))
    assert found["encoders without weights"].value.startswith("inception, ")


def test_a_missing_extra_is_said_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda module: None)
    assert "pip install 'ganscape[photos]'" in findings(doctor._extras())["extra photos"].value

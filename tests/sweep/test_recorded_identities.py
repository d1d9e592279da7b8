"""Recorded studies keep their ids: fields that came later change neither a config's identity nor its trials'."""

from pathlib import Path

import pytest

from ganscape.models import Config
from ganscape.results.store import read
from ganscape.sweep.proposals import trial_of

RECORDED = sorted(path.parent for path in (Path(__file__).parents[2] / "results/recorded").glob("*/store.sqlite"))


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_the_ids_of_a_recorded_study_are_those_of_its_settings(folder):
    tables = read(folder)
    (study,) = tables["study"]
    assert tables["trials"]
    for row in tables["trials"]:
        config = Config.from_dict(row["settings"])
        assert config.identity() == row["config"]
        assert config.structure() == row["structure"]
        assert trial_of(study["definition"]["seed"], row["method"], config, row["seed"]).id == row["trial"]

"""A space that is read from its description is the space that was described."""

import json

import numpy as np
import pytest

from ganscape.search_spaces import STUDIES, StudyError
from ganscape.search_spaces.descriptions import read_dimension, read_space


@pytest.mark.parametrize("study", STUDIES)
def test_every_shipped_space_comes_back_from_json(study):
    for space in STUDIES[study].methods.values():
        again = read_space(json.loads(json.dumps(space.describe())))
        assert again.describe() == space.describe() and again.dimensions == space.dimensions
        draws = [each.sample(np.random.default_rng(3)) for each in (space, again)]
        assert draws[0] == draws[1]


def test_a_kind_that_is_not_known_is_named():
    with pytest.raises(StudyError, match="unknown kind of dimension 'Uniformm'"):
        read_dimension({"kind": "Uniformm", "low": 0.0, "high": 1.0})

import json
import re

import numpy as np
import pytest

from ganscape.metrics import MetricError, Protocol

PROTOCOL = Protocol("fd_digits", "digits", "ab12", "in words", 797, "digits/test", 800, "cd34")


@pytest.mark.parametrize("field", Protocol._fields)
def test_every_field_changes_the_fingerprint(field):
    value = getattr(PROTOCOL, field)
    other = PROTOCOL._replace(**{field: value + 1 if isinstance(value, int) else value + "x"})
    assert other.fingerprint != PROTOCOL.fingerprint


def test_fingerprints_are_12_hexadecimal_digits_and_depend_on_the_content_alone():
    assert re.fullmatch("[0-9a-f]{12}", PROTOCOL.fingerprint)
    assert Protocol(*PROTOCOL).fingerprint == PROTOCOL.fingerprint
    assert PROTOCOL._replace(samples=np.int64(797)).fingerprint == PROTOCOL.fingerprint


def test_values_cannot_move_between_fields_unnoticed():
    one, other = PROTOCOL._replace(metric="x", encoder=""), PROTOCOL._replace(metric="", encoder="x")
    assert one.fingerprint != other.fingerprint


def test_the_description_survives_json():
    assert Protocol(**json.loads(json.dumps(PROTOCOL.describe()))) == PROTOCOL


def test_the_draw_of_a_sweep_leaves_the_fingerprint_as_it_was_before_there_were_other_draws():
    assert PROTOCOL.fingerprint == "537f31b919e2"
    other = PROTOCOL._replace(draw=3)
    assert Protocol(**other.describe()) == other


def test_the_label_names_metric_samples_and_reference():
    assert PROTOCOL.label() == "fd_digits, 797 samples against digits/test (800)"


def test_scores_of_other_protocols_are_refused_naming_what_differs():
    PROTOCOL.check_comparable(PROTOCOL._replace(samples=np.int64(797)))
    for field in PROTOCOL._fields:
        other = PROTOCOL._replace(**{field: 5 if isinstance(getattr(PROTOCOL, field), int) else "other"})
        with pytest.raises(MetricError, match=f"do not compare: {field} is .* and [^;]*$"):
            PROTOCOL.check_comparable(other)
    with pytest.raises(MetricError, match="samples is 797 and 10; reference is 'digits/test' and 'x'"):
        PROTOCOL.check_comparable(PROTOCOL._replace(samples=10, reference="x"))

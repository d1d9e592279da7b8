import numpy as np
import pytest

from ganscape.models import FAMILIES, Config
from ganscape.sweep.messages import Score
from ganscape.sweep.trial import train

# BEGAN's k is slow at its published rate: in a short run it has to move faster.
SETTINGS = {
    "began": {"discriminator_normalization": "batch_norm", "k_learning_rate": 0.01, "z_dim": 8},
    "completion": {"mask": "box", "pair_loss": "l1", "l1_weight": 10.0},
    "vae": {"z_dim": 8},
}


@pytest.mark.parametrize("family", sorted(FAMILIES.keys() - {"gan"}))
def test_a_cohort_of_each_family_is_trained_and_improves(family, make_cohort, workload, judge):
    """The loop knows none of them. Two rates of one program, scored at each rung, nearer to the digits at the last."""
    settings = {"family": family, "disc_iters": 2} | SETTINGS[family]
    configs = [Config(**settings, g_lr=rate, d_lr=rate) for rate in (1e-3, 3e-3)]
    cohort, messages = make_cohort(*configs), []
    longer = workload._replace(rungs=(640, 12_800))
    train(cohort, longer, judge, messages.append)
    scores = {(m.trial, m.rung): m.value for m in messages if isinstance(m, Score)}
    assert len(scores) == 4
    assert np.isfinite(list(scores.values())).all()
    for each in cohort.trials:
        assert scores[each.id, 12_800] < scores[each.id, 640]

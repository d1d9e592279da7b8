"""A study whose later rounds depend on the scores of earlier ones, interrupted in its second round."""

import sys

import results

SIZE = (
    *("configs=6", "rounds=3", "images=6400", "interval=3200", "samples=100"),
    *("disc_iters=1", "z_dim=8", "discriminator_normalization=none"),
)


def command(out, executor):
    settings = [part for each in SIZE for part in ("--set", each)]
    head = [sys.executable, "-W", "ignore", "-m", "sweep", "run", "equal/bandit", "--methods", "ns_gan"]
    return [*head, "--executor", executor, "--workers", "2", "--out", str(out), *settings]


def rounds(out):
    trials = results.load(out).trials()
    return {row.trial: (row.round, row.g_lr, row.beta1) for row in trials.itertuples()}


def test_a_bandit_killed_in_its_second_round_and_continued_on_ray_is_the_unbroken_one(make_sweep, cache, tmp_path):
    whole = make_sweep("local")
    whole.out = tmp_path / "whole"
    whole.command = command(whole.out, "local")
    whole.start().finish()
    assert sorted(number for number, *_ in rounds(whole.out).values()) == [0, 0, 1, 1, 2, 2]

    broken = make_sweep("local")
    broken.command = command(broken.out, "local")
    broken.start()
    while broken.process.poll() is None and len(broken.stored()) < 5:
        broken.wait_for_a_score()
    broken.kill()
    assert 4 < len(broken.table()) < 12 == len(whole.table())
    broken.command = command(broken.out, "ray")
    broken.start().finish()
    assert rounds(broken.out) == rounds(whole.out)
    assert broken.table() == whole.table()

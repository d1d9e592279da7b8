from hypothesis import given
from hypothesis import strategies as st

from ganscape.results import counts
from ganscape.sweep.outcomes import SCORED, Outcomes

EVENTS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.one_of(
            st.tuples(st.integers(1, 3), st.floats(-5.0, 5.0)),
            st.sampled_from(["done", "stopped", "crashed", "lost"]),
        ),
    )
)


@given(EVENTS)
def test_counts_and_the_best_trial_are_those_counted_anew(events):
    outcomes = Outcomes(3)
    for trial, event in events:
        if outcomes.ended.get(trial, "done") not in SCORED:
            continue  # a trial that failed stays so
        if isinstance(event, str):
            outcomes.end(trial, event)
        elif trial not in outcomes.ended and event[0] not in outcomes.scores[trial]:
            outcomes.add_score(trial, *event)
        scored = {name: len(scores) for name, scores in outcomes.scores.items()}
        assert outcomes.rungs_done == counts.rungs_done(scored, outcomes.ended, 3)
        assert outcomes.failed() == sum(outcome not in SCORED for outcome in outcomes.ended.values())
        assert outcomes.stopped() == sum(outcome == "stopped" for outcome in outcomes.ended.values())
        lows = {
            name: min(lows.values())
            for name, lows in outcomes.scores.items()
            if lows and outcomes.ended.get(name, "done") in SCORED
        }
        best = outcomes.best_trial()
        assert (best is None) == (not lows)
        assert best is None or lows[best] == min(lows.values())

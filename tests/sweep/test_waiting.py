from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from ganscape.sweep.waiting import WaitingTrials

NAMES = [f"{structure}{number}" for structure in "abc" for number in range(4)]
TRIALS = {name: SimpleNamespace(id=name, structure=name[0]) for name in NAMES}
PAUSES = {name: 10 if name[1] == "3" else None for name in NAMES}


class Listed:
    """The rule of `WaitingTrials` on a plain list, counted anew at every call."""

    def __init__(self):
        self.ids, self.separated, self.started = [], set(), set()

    def kind(self, name):
        return name[0], name in self.separated, PAUSES[name]

    def take(self, warm, most):
        count = {name[0]: sum(other[0] == name[0] for other in self.ids) for name in self.ids}
        first = max(
            self.ids,
            key=lambda name: (name[0] in warm, name[0] not in self.started, count[name[0]], -self.ids.index(name)),
        )
        taken = [name for name in self.ids if self.kind(name) == self.kind(first)][:most]
        self.started.add(first[0])
        self.ids = [name for name in self.ids if name not in taken]
        return taken


@given(st.data())
def test_the_queue_takes_what_a_list_would(data):
    listed, queue, out = Listed(), WaitingTrials(TRIALS, PAUSES.__getitem__), list(NAMES)
    for _ in range(data.draw(st.integers(1, 20))):
        action = data.draw(st.sampled_from(["add", "put_back", "separate", "take"]))
        if action == "take" and listed.ids:
            warm, most = data.draw(st.sets(st.sampled_from("abc"))), data.draw(st.integers(1, 3))
            taken = queue.take(queue.next_kind(warm), most)
            assert taken == listed.take(warm, most)
            out += taken
        elif action != "take" and out:
            name = data.draw(st.sampled_from(out))
            if action == "separate":
                queue.separate(name)
                listed.separated.add(name)
                continue
            out.remove(name)
            getattr(queue, action)(name)
            listed.ids.insert(len(listed.ids) if action == "add" else 0, name)
        assert list(queue) == listed.ids and len(queue) == len(listed.ids)


def test_a_take_asks_nothing_about_the_trials_that_go_on_waiting():
    asked = []
    trials = {str(number): SimpleNamespace(id=str(number), structure="s") for number in range(1000)}
    queue = WaitingTrials(trials, lambda name: asked.append(name))
    for name in trials:
        queue.add(name)
    asked.clear()
    assert queue.take(queue.next_kind(()), 2) == ["0", "1"]
    assert not asked

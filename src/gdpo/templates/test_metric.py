"""NAME by texts of known kind; run it with pytest."""

from pathlib import Path

from gdpo.plugins.loading import load
from gdpo.rewards import judged
from gdpo.sampling.score import metric_values
from gdpo.tasks import Gold, Problem

PROBLEM = Problem("one", [{"role": "user", "content": "1+1"}], Gold(("2",)), {"id": "one"})


def test_NAME_finds_words_that_turn_back():
    load([str(Path(__file__).with_name("NAME.py"))])  # as a study does
    texts = ["Wait, that is 3.", "It is 2; hold on.", "The waiter came.", ""]
    responses = judged(texts, [4] * 4, [PROBLEM] * 4)
    assert metric_values("NAME", responses) == [1, 1, 0, 0]

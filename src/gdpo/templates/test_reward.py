"""NAME by hand-computed values; run it with pytest."""

from pathlib import Path

import pytest

from gdpo.plugins.loading import load
from gdpo.rewards import Scorer
from gdpo.rewards.scorer import RewardSpec
from gdpo.tasks import Gold, Problem

PROBLEM = Problem("one", [{"role": "user", "content": "1+1"}], Gold(("2",)), {"id": "one"})


@pytest.mark.parametrize(
    ("words", "expected"),
    [(0, 1.0), (10, 1.0), (15, 0.5), (20, 0.0), (500, 0.0)],  # up to 10 words; half of the way at 15
)
def test_NAME_falls_from_the_limit_to_twice_the_limit(words, expected):
    load([str(Path(__file__).with_name("NAME.py"))])  # as a training does
    scorer = Scorer({"mine": RewardSpec("NAME", 1.0, {"words": 10})})
    text = "<think>as long as it likes</think>" + "word " * words
    assert scorer([text], [[0]], [PROBLEM]) == [{"mine": expected}]

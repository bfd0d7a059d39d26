"""NAME on answers that are right and wrong; run it with pytest."""

from pathlib import Path

import pytest

from gdpo.plugins.loading import load
from gdpo.tasks import Gold, Problem, judge_all

TOWER = Problem("tower", [{"role": "user", "content": "?"}], Gold(("Eiffel Tower",)), {"id": "tower"}, "NAME")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (r"<think>Paris</think>\boxed{Eiffel Tower}", "correct"),
        (r"<think>Paris</think>\boxed{\text{The Eiffel tower.}}", "correct"),
        (r"<think>Paris</think>\boxed{Eiffel}", "wrong"),
        (r"<think>\boxed{Eiffel Tower}</think>It is the Eiffel Tower", "wrong"),
        ("no box", "wrong"),
    ],
)
def test_NAME_compares_words(text, verdict):
    load([str(Path(__file__).with_name("NAME.py"))])  # as a study does
    assert judge_all([text], [TOWER])[0].verdict == verdict

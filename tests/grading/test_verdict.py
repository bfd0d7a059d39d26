"""Judging an answer."""

import json
import os
from pathlib import Path

import pytest

from gdpo.grading import grade

MIRROR = os.environ.get("GDPO_DATA_MIRROR")


@pytest.mark.parametrize(
    ("response", "gold", "verdict"),
    [
        (r"\boxed{25}", "025", "correct"),
        (r"\boxed{142}", "142.0", "correct"),
        (r"\boxed{26}", "025", "wrong"),
        ("25", "25", "wrong"),
        (r"\boxed{\frac{1}{2}}", "0.5", "correct"),
        (r"\boxed{\frac{2}{4}}", r"\frac{1}{2}", "correct"),
        (r"\boxed{\frac{1}{3}}", r"\frac{1}{2}", "wrong"),
        (r"\boxed{(2, 1)}", "(1, 2)", "wrong"),
    ],
)
def test_verdicts(response, gold, verdict):
    assert grade(response, gold).verdict == verdict


@pytest.mark.skipif(not MIRROR, reason="GDPO_DATA_MIRROR names no folder with the real files")
@pytest.mark.parametrize(("file", "share"), [("test_aime", 1.0), ("test_amc", 1.0), ("test_math", 0.995)])
def test_real_golds_in_a_box_are_correct(file, share):
    golds = [str(row["answer"]) for row in json.loads(Path(MIRROR, f"{file}.json").read_text())]
    right = [grade(rf"so it is \boxed{{{gold}}}", gold).verdict == "correct" for gold in golds]
    assert sum(right) / len(right) >= share


@pytest.mark.skipif(not MIRROR, reason="GDPO_DATA_MIRROR names no folder with the real files")
def test_another_problems_gold_is_wrong():
    golds = [str(row["answer"]) for row in json.loads(Path(MIRROR, "test_aime.json").read_text())]
    pairs = [(a, b) for a, b in zip(golds, golds[1:], strict=False) if int(a) != int(b)]
    assert len(pairs) > 20
    assert all(grade(rf"\boxed{{{a}}}", b).verdict == "wrong" for a, b in pairs)

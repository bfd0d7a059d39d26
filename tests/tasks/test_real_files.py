"""The grader on real files (GDPO_DATA_MIRROR): right on golds and worked solutions, not on others' golds."""

import json
import os
import random
import re
from pathlib import Path

import pytest

from gdpo.tasks import Gold
from gdpo.tasks.math import Grader
from gdpo.tasks.math.golds import GoldError, normalise_gold

MIRROR = os.environ.get("GDPO_DATA_MIRROR")
FILES = sorted(path.stem for path in Path(MIRROR or "/nowhere").glob("t*_*.json"))
pytestmark = pytest.mark.skipif(not MIRROR, reason="GDPO_DATA_MIRROR names no folder with the real files")


@pytest.fixture(scope="module")
def grader():
    grader = Grader()
    yield grader
    grader.close()


def golds_of(file: str) -> list[Gold]:
    golds = []
    for record in json.loads(Path(MIRROR, f"{file}.json").read_text()):
        try:
            gold = normalise_gold(record["answer"], record.get("unit"), record.get("error"))
        except GoldError:
            continue
        golds.append(Gold(tuple(gold.answers), tolerance=gold.tolerance, unit=gold.unit))
    return golds


@pytest.mark.parametrize("file", FILES)
def test_a_gold_in_a_box_is_right_by_itself(grader, file):
    golds = golds_of(file)
    responses = [f"therefore $\\boxed{{{', '.join(gold.answers)}}}$." for gold in golds]
    right = [v.verdict == "correct" for v in grader.grade_all(responses, golds)]
    assert sum(right) >= 0.995 * len(golds)


@pytest.mark.parametrize("file", FILES)
def test_another_rows_gold_is_wrong(grader, file):
    golds, rng = golds_of(file), random.Random(0)
    plain = [re.sub(r"\s|\\[,!;]", "", gold.answers[0]).replace("dfrac", "frac") for gold in golds]
    pairs = [(i, rng.randrange(len(golds))) for i in rng.choices(range(len(golds)), k=800)]
    pairs = [(i, j) for i, j in pairs if plain[i] != plain[j]]
    found = grader.grade_all(
        [rf"\boxed{{{golds[j].answers[0]}}}" for _, j in pairs], [golds[i] for i, _ in pairs]
    )
    right = [(plain[i], plain[j]) for (i, j), v in zip(pairs, found, strict=True) if v.verdict == "correct"]
    assert len(right) <= max(1, 0.001 * len(pairs)), right
    assert sum(v.verdict in ("timeout", "error") for v in found) <= 0.001 * len(pairs)


@pytest.mark.skipif("train_aime" not in FILES, reason="GDPO_DATA_MIRROR has no train_aime.json")
@pytest.mark.parametrize(("opened", "share"), [(False, 0.997), (True, 0.86)])
def test_worked_solutions_are_right(grader, opened, share):
    rows = json.loads(Path(MIRROR, "train_aime.json").read_text())
    texts = [row["solution"] for row in rows]
    if opened:  # independent of our brace counting: golds hold no braces here
        texts = [
            re.sub(r"\\(?:boxed|fbox|framebox)\s*\{((?:[^{}]|\{[^{}]*\})*)\}", r"\1", text) for text in texts
        ]
    found = grader.grade_all(texts, [Gold((row["answer"],)) for row in rows], unboxed=True)
    assert sum(v.verdict == "correct" for v in found) >= share * len(rows)

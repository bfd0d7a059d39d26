"""NAME gives right answers, and the same rows again; run it with pytest."""

import re
from pathlib import Path

from gdpo.plugins import SOURCES
from gdpo.plugins.loading import load


def test_NAME_gives_right_answers():
    load([str(Path(__file__).with_name("NAME.py"))])  # as a study does
    make = SOURCES["NAME"].function
    rows = list(make(size=50, seed=3))
    for row in rows:
        a, b, m = map(int, re.findall(r"\d+", row["problem"]))
        quotient, rest = divmod(sum([a] * b), m)
        assert row["answer"] == rest and quotient * m + rest == sum([b] * a)
    assert len({row["problem"] for row in rows}) == len(rows) > 40
    assert list(make(size=50, seed=3)) == rows != list(make(size=50, seed=4))

"""Metrics and intervals against hand counts and simulation."""

import numpy as np
import pandas as pd
import pytest

from gdpo.statistics.metrics import bootstrap_interval, paired_difference, summarize


def scores(rows):
    return pd.DataFrame(rows, columns=["problem_id", "verdict", "n_tokens", "stop_reason"])


HAND = scores(
    [
        ("a", "correct", 10, "eos"),
        ("a", "correct", 30, "eos"),
        ("b", "wrong", 10, "eos"),
        ("b", "error", 50, "length"),
    ]
)


def test_summary_by_hand():
    s = summarize(HAND, limit=20, confidence=0.95, resamples=1000)
    assert (s["accuracy"], s["exceed"], s["within_and_correct"], s["response_length"]) == (0.5, 0.5, 0.25, 25)
    assert (s["problems"], s["samples"], s["samples_per_problem"]) == (2, 4, 2)
    assert (s["truncated"], s["errors"]) == (0.25, 0.25)


def test_the_limit_itself_is_within():
    assert summarize(HAND, limit=50, confidence=0.95, resamples=100)["exceed"] == 0


def test_interval_of_a_constant_is_the_constant():
    assert bootstrap_interval(np.full(10, 0.3), 0.95, 1000) == pytest.approx((0.3, 0.3))


def test_intervals_cover_the_truth():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        low, high = bootstrap_interval(rng.normal(1.0, 2.0, size=100), 0.95, 999)
        hits += low <= 1.0 <= high
    assert 0.91 <= hits / 300 <= 0.985


def test_paired_difference_uses_the_pairing():
    rng = np.random.default_rng(1)
    base = rng.integers(0, 2, 200)
    better = np.where(rng.random(200) < 0.1, 1, base)
    frames = [
        scores([(str(i), "correct" if v else "wrong", 1, "eos") for i, v in enumerate(values)])
        for values in (better, base)
    ]
    result = paired_difference(*frames, "accuracy", limit=1, confidence=0.95, resamples=2000)
    assert result["difference"] == pytest.approx((better - base).mean())
    assert result["significant"]
    # Unpaired, the same difference is inside the noise: two proportions near 0.5 of 200 problems.
    assert (better.mean() - base.mean()) < 1.96 * np.sqrt(2 * 0.25 / 200)


def test_no_difference_is_not_significant():
    result = paired_difference(HAND, HAND, "accuracy", 20, 0.95, 1000)
    assert (result["difference"], result["significant"]) == (0.0, False)


def test_other_problems_are_refused():
    with pytest.raises(ValueError, match="not the same problems: 1"):
        paired_difference(HAND, HAND[HAND["problem_id"] == "a"], "accuracy", 20, 0.95, 100)

"""Metrics against hand counts and enumeration."""

from itertools import combinations

import pandas as pd
import pytest

from gdpo.statistics.metrics import OF_SAMPLES, pass_at_k, pass_metrics, problem_values, sizes

COLUMNS = ["problem_id", "verdict", "answer", "n_tokens", "stop_reason", "format"]


def scores(rows):
    return pd.DataFrame(rows, columns=COLUMNS)


HAND = scores(
    [
        ("a", "correct", "7", 10, "eos", True),
        ("a", "correct", "7", 30, "eos", True),
        ("a", "wrong", "8", 20, "eos", False),
        ("a", "wrong", None, 20, "eos", True),
        ("b", "wrong", "1", 10, "eos", True),
        ("b", "timeout", "2", 10, "eos", True),
        ("b", "error", "3", 50, "length", False),
        ("b", "correct", "4", 10, "eos", True),
    ]
)


def test_every_metric_by_hand():
    values = problem_values(HAND, limit=20)
    assert values.loc["a", ["accuracy", "exceed", "within_and_correct"]].tolist() == [0.5, 0.25, 0.25]
    assert values.loc["b", ["timeouts", "errors", "truncated", "format"]].tolist() == [0.25, 0.25, 0.25, 0.75]
    assert values.loc["a", "response_length"] == 20
    assert values["maj"].tolist() == [1.0, 0.25], "a: two votes for 7; b: a tie of four, one of them right"
    assert values["pass@2"].tolist() == pytest.approx([5 / 6, 1 / 2])
    assert values["pass@4"].tolist() == [1, 1]
    assert {*OF_SAMPLES, "maj"} <= set(values)
    assert sizes(HAND) == {"problems": 2, "samples": 8, "samples_per_problem": 4, "median_length": 15}


def test_the_limit_itself_is_within():
    assert problem_values(HAND, limit=50)["exceed"].sum() == 0


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_sample(n):
    for correct in range(n + 1):
        samples = [True] * correct + [False] * (n - correct)
        for k in range(1, n + 1):
            subsets = list(combinations(samples, k))
            assert pass_at_k(n, correct, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


@pytest.mark.parametrize("k", [0, 5])
def test_pass_at_an_impossible_k_is_refused(k):
    with pytest.raises(ValueError, match=f"pass@{k} needs"):
        pass_at_k(4, 1, k)


def test_which_k_are_reported():
    assert [pass_metrics(n) for n in (1, 2, 6, 16)] == [[], [2], [2, 4, 6], [2, 4, 8, 16]]


def test_a_problem_without_any_answer_has_no_majority():
    frame = scores([("a", "wrong", None, 1, "eos", False), ("b", "correct", "1", 1, "eos", True)])
    assert problem_values(frame, 1)["maj"].tolist() == [0, 1]


def test_a_missing_sample_is_no_smaller_denominator():
    with pytest.raises(ValueError, match="problem b has 3 samples, others have 4"):
        problem_values(HAND.drop(index=7), 20)

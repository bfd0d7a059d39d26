"""Metrics of one model on one benchmark: a value a problem, so that intervals can resample problems."""

from math import comb

import numpy as np
import pandas as pd

METRICS = {
    "accuracy": "avg@k: share of samples judged correct",
    "exceed": "exceed ratio: share of samples longer than the limit",
    "within_and_correct": "share of samples that are correct and within the limit",
    "response_length": "mean response length in tokens",
    "maj": "maj@k: whether the most frequent answer is correct; of equally frequent ones, the share that is",
    "truncated": "share of samples cut off at the token limit",
    "format": "share of samples with a reasoning part and exactly one box, after it",
    "timeouts": "share of samples that the grader ran out of time on; they count as not correct",
    "errors": "share of samples that the grader failed on; they count as not correct",
}
"""Metric -> what it is. Each is the mean over problems of a value of that problem's samples."""


def pass_metrics(samples: int) -> list[int]:
    """The k of pass@k that are reported for that many samples a problem: powers of two, and all of them."""
    powers = [2**i for i in range(1, 12) if 2**i <= samples]
    return sorted({*powers, samples} - {1})


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Unbiased estimate of the probability that one of k samples is correct (Chen et al., arXiv 2107.03374).

    Args:
        samples: samples of the problem, n.
        correct: how many of them are correct, c.
        k: at most n.

    Returns:
        ``1 - C(n - c, k) / C(n, k)``.

    Raises:
        ValueError: k is not between 1 and n.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} needs 1 <= k <= samples, {samples}")
    return 1 - comb(samples - correct, k) / comb(samples, k)


def problem_values(scores: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Every metric of every problem, indexed by problem id in sorted order; ``pass@k`` columns included.

    Args:
        scores: columns problem_id, verdict, answer (normalised, None where there is none), n_tokens,
            stop_reason, format.
        limit: response-length limit l in tokens.

    Raises:
        ValueError: problems have different numbers of samples.
    """
    counts = scores.groupby("problem_id").size()
    if counts.nunique() > 1:
        fewest = counts.idxmin()
        raise ValueError(f"problem {fewest} has {counts.min()} samples, others have {counts.max()}")
    correct, within = scores["verdict"] == "correct", scores["n_tokens"] <= limit
    samples = pd.DataFrame(
        {
            "problem_id": scores["problem_id"],
            "accuracy": correct,
            "exceed": ~within,
            "within_and_correct": correct & within,
            "response_length": scores["n_tokens"],
            "truncated": scores["stop_reason"] == "length",
            "format": scores["format"],
            "timeouts": scores["verdict"] == "timeout",
            "errors": scores["verdict"] == "error",
        }
    )
    values = samples.groupby("problem_id").mean().astype(float).sort_index()
    values["maj"] = _majority(scores.assign(correct=correct))
    n = int(counts.iloc[0])
    right = (values["accuracy"] * n).round().astype(int)
    for k in pass_metrics(n):
        values[f"pass@{k}"] = [pass_at_k(n, c, k) for c in right]
    return values


def _majority(scores: pd.DataFrame) -> pd.Series:
    """maj@k of every problem: samples without an answer have no vote."""
    votes = scores.dropna(subset="answer").groupby(["problem_id", "answer"])["correct"].agg(["size", "mean"])
    most = votes["size"].groupby("problem_id").transform("max")
    winners = votes[votes["size"] == most]["mean"].groupby("problem_id").mean()
    return winners.reindex(sorted(scores["problem_id"].unique()), fill_value=0.0)


def sizes(scores: pd.DataFrame) -> dict[str, int | float]:
    """Numbers of problems, samples and samples a problem, and the median response length in tokens."""
    problems = scores["problem_id"].nunique()
    return {
        "problems": problems,
        "samples": len(scores),
        "samples_per_problem": len(scores) // problems,
        "median_length": float(np.median(scores["n_tokens"])),
    }

"""Metrics of one model on one benchmark, with bootstrap intervals over problems.

Samples of one problem are not independent, so every interval resamples problems, each with all its samples.
"""

import numpy as np
import pandas as pd
from scipy import stats

METRICS = {
    "accuracy": "avg@k: share of samples judged correct, averaged over problems",
    "exceed": "exceed ratio: share of samples longer than the limit",
    "within_and_correct": "share of samples that are correct and within the limit",
    "response_length": "mean response length in tokens",
}
"""Metric -> what it is. Each is the mean over problems of the mean over that problem's samples."""

SEED = 0
"""Seed of the resampling: the same samples give the same table."""


def sample_values(scores: pd.DataFrame, limit: int) -> pd.DataFrame:
    """One row a sample with ``problem_id`` and a column a metric.

    Args:
        scores: columns problem_id, verdict, n_tokens.
        limit: response-length limit l in tokens.
    """
    correct, within = scores["verdict"] == "correct", scores["n_tokens"] <= limit
    return pd.DataFrame(
        {
            "problem_id": scores["problem_id"],
            "accuracy": correct.astype(float),
            "exceed": (~within).astype(float),
            "within_and_correct": (correct & within).astype(float),
            "response_length": scores["n_tokens"].astype(float),
        }
    )


def problem_means(scores: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Mean of each metric over each problem's samples, indexed by problem id in sorted order."""
    return sample_values(scores, limit).groupby("problem_id").mean().sort_index()


def summarize(scores: pd.DataFrame, limit: int, confidence: float, resamples: int) -> dict[str, float]:
    """Every metric with its interval, and the numbers of problems and samples.

    Returns:
        ``<metric>``, ``<metric>_low``, ``<metric>_high`` for each metric; ``problems``, ``samples``,
        ``samples_per_problem``, ``truncated`` (share cut off at the token limit), ``timeouts`` and ``errors``
        (shares that the grader ran out of time or failed on; they count as not correct).
    """
    means = problem_means(scores, limit)
    summary: dict[str, float] = {}
    for metric in METRICS:
        low, high = bootstrap_interval(means[metric].to_numpy(), confidence, resamples)
        summary |= {metric: means[metric].mean(), f"{metric}_low": low, f"{metric}_high": high}
    return summary | {
        "problems": len(means),
        "samples": len(scores),
        "samples_per_problem": len(scores) / len(means),
        "truncated": float((scores["stop_reason"] == "length").mean()),
        "timeouts": float((scores["verdict"] == "timeout").mean()),
        "errors": float((scores["verdict"] == "error").mean()),
    }


def bootstrap_interval(values: np.ndarray, confidence: float, resamples: int) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of ``values`` (one a problem); a constant gives itself."""
    if len(values) < 2 or np.ptp(values) == 0:
        return float(values.mean()), float(values.mean())
    result = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        confidence_level=confidence,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(SEED),
        batch=1000,
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def paired_difference(
    scores: pd.DataFrame, reference: pd.DataFrame, metric: str, limit: int, confidence: float, resamples: int
) -> dict[str, float]:
    """Paired bootstrap over problems of ``scores`` minus ``reference`` in one metric.

    Returns:
        difference, low, high (interval of the difference), problems, and ``significant``: the interval
        excludes 0.

    Raises:
        ValueError: the two were not sampled on the same problems.
    """
    a, b = (problem_means(frame, limit)[metric] for frame in (scores, reference))
    if not a.index.equals(b.index):
        raise ValueError(
            f"not the same problems: {len(a.index.symmetric_difference(b.index))} are in one only"
        )
    differences = (a - b).to_numpy()
    low, high = bootstrap_interval(differences, confidence, resamples)
    return {
        "difference": float(differences.mean()),
        "low": low,
        "high": high,
        "significant": bool(low > 0 or high < 0),
        "problems": len(differences),
    }

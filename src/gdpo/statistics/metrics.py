"""Metrics of one model on one benchmark: a value a problem, so that intervals can resample problems."""

from collections.abc import Mapping, Sequence
from math import comb

import numpy as np
import pandas as pd

import gdpo.statistics.sample_metrics  # noqa: F401 - registers those that every table has
from gdpo.plugins import METRICS
from gdpo.plugins.calling import MetricError
from gdpo.plugins.registry import Place, parameters_of

OF_SAMPLES = (
    "accuracy",
    "exceed",
    "within_and_correct",
    "response_length",
    "truncated",
    "format",
    "timeouts",
    "errors",
)
"""Registered metrics that every table has. Beside them: pass@k, and ``maj``, maj@k: whether the most frequent
answer is correct; of equally frequent ones, the share that is."""


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


def problem_values(scores: pd.DataFrame, limit: int, further: Sequence[str] = ()) -> pd.DataFrame:
    """Every metric of every problem, indexed by problem id in sorted order; ``pass@k`` columns included.

    Args:
        scores: columns problem_id, verdict, answer (normalised, None where there is none), n_tokens,
            stop_reason, format; and ``metric/<name>`` of further metrics of responses.
        limit: response-length limit l in tokens.
        further: registered metrics beside those that every table has.

    Raises:
        ValueError: problems have different numbers of samples.
        MetricError: a metric gives anything but a finite number for each sample.
    """
    counts = scores.groupby("problem_id").size()
    if counts.nunique() > 1:
        fewest = counts.idxmin()
        raise ValueError(f"problem {fewest} has {counts.min()} samples, others have {counts.max()}")
    columns = {name: sample_values(name, scores, limit) for name in (*OF_SAMPLES, *further)}
    samples = pd.DataFrame({"problem_id": scores["problem_id"], **columns})
    values = samples.groupby("problem_id").mean().astype(float).sort_index()
    values["maj"] = _majority(scores.assign(correct=samples["accuracy"]))
    n = int(counts.iloc[0])
    right = (values["accuracy"] * n).round().astype(int)
    for k in pass_metrics(n):
        values[f"pass@{k}"] = [pass_at_k(n, c, k) for c in right]
    return values


def sample_values(name: str, scores: pd.DataFrame, limit: int) -> pd.Series:
    """A metric's number for each sample; arguments as for :func:`problem_values`.

    Raises:
        MetricError: it gives anything but a finite number for each sample.
    """
    entry = METRICS[name]
    if not entry.of_samples:
        return scores[f"metric/{name}"]
    given = {"samples": scores, "limit": limit}
    values = entry.function(*(given[p] for p in parameters_of("metric", entry.function)))
    found = np.asarray(values)
    if found.shape != (len(scores),) or found.dtype.kind not in "biuf" or not np.isfinite(found).all():
        raise MetricError(
            f"metric {name} gave {found.dtype} of shape {found.shape}; a finite number for each of "
            f"{len(scores)} samples is needed; mend {Place.of(entry.function)}"
        )
    return pd.Series(found, index=scores.index)


def _majority(scores: pd.DataFrame) -> pd.Series:
    """maj@k of every problem: samples without an answer have no vote."""
    votes = scores.dropna(subset="answer").groupby(["problem_id", "answer"])["correct"].agg(["size", "mean"])
    most = votes["size"].groupby("problem_id").transform("max")
    winners = votes[votes["size"] == most]["mean"].groupby("problem_id").mean()
    return winners.reindex(sorted(scores["problem_id"].unique()), fill_value=0.0)


def dataset_of(problem_id: str) -> str:
    """The dataset that a problem of the catalogue is from: its id is ``<dataset>-<fingerprint>``."""
    return problem_id.rpartition("-")[0]


_COUNTED = ["timeouts", "errors"]  # how many there were, whatever they count for


def weighed(values: pd.DataFrame, weights: Mapping[str, float]) -> pd.DataFrame:
    """Values of problems, scaled so that their mean is the weighted mean of the datasets' means.

    What the grader could not judge is counted, and not scaled.

    Args:
        values: indexed by problem id (:func:`problem_values`).
        weights: dataset -> weight; nothing leaves the values as they are.

    Raises:
        ValueError: a dataset that has a weight has no problem.
    """
    if not weights:
        return values
    datasets = values.index.map(dataset_of)
    counts = datasets.value_counts()
    if missing := sorted(set(weights) - set(counts.index)):
        raise ValueError(
            f"evaluation.weights: dataset {missing[0]} has no problem in its benchmark (all are doubles, or "
            "too long); take it out of the benchmark and of the weights"
        )
    shares = {name: weight / sum(weights.values()) for name, weight in weights.items()}
    factors = [shares[name] / counts[name] * len(values) for name in datasets]
    scaled = values.mul(factors, axis=0)
    counted = values.columns.intersection(_COUNTED)
    scaled[counted] = values[counted]
    return scaled


def sizes(scores: pd.DataFrame) -> dict[str, int | float]:
    """Numbers of problems, samples and samples a problem, and the median response length in tokens."""
    problems = scores["problem_id"].nunique()
    return {
        "problems": problems,
        "samples": len(scores),
        "samples_per_problem": len(scores) // problems,
        "median_length": float(np.median(scores["n_tokens"])),
    }

"""Bootstrap intervals and paired tests over problems, and over training seeds where there are several.

Samples of one problem are not independent, so a problem's samples stay together: problems are resampled.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

SEED = 0
"""Seed of the resampling: the same samples give the same table."""
_BATCH = 1000


class Interval(NamedTuple):
    """An estimate and its confidence interval."""

    estimate: float
    low: float
    high: float


def mean_interval(
    values: np.ndarray, confidence: float, resamples: int, strata: np.ndarray | None = None
) -> Interval:
    """Mean over seeds and problems, with a percentile bootstrap interval.

    Problems are resampled, and seeds as well where there is more than one (each independently: every seed
    saw the same problems). The level is widened for few problems (expanded percentile, Hesterberg 2015,
    arXiv 1411.5279): a plain percentile interval of 30 problems covers less than it says.

    Args:
        values: ``[seeds, problems]``, each the mean over that problem's samples.
        confidence: level, as 0.95.
        resamples: bootstrap resamples.
        strata: ``[problems]``, which part each problem is of: every part is resampled by itself and keeps its
            size, as means of parts that are weighed need it.
    """
    values = np.atleast_2d(values)
    estimate = float(values.mean())
    if values.shape[1] < 2 or np.ptp(values) == 0:
        return Interval(estimate, estimate, estimate)
    level = expanded_level(confidence, values.shape[1])
    if values.shape[0] > 1 or strata is not None:
        means = _two_way_means(values, resamples, strata)
        low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
        return Interval(estimate, float(low), float(high))
    result = stats.bootstrap(
        (values[0],),
        np.mean,
        n_resamples=resamples,
        confidence_level=level,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(SEED),
        batch=_BATCH,
    )
    return Interval(estimate, float(result.confidence_interval.low), float(result.confidence_interval.high))


def expanded_level(confidence: float, problems: int) -> float:
    """Level of the percentile interval whose width fits that of Student's t with ``problems - 1`` degrees."""
    quantile = stats.t.ppf((1 + confidence) / 2, problems - 1) * np.sqrt(problems / (problems - 1))
    return float(2 * stats.norm.cdf(quantile) - 1)


def _two_way_means(values: np.ndarray, resamples: int, strata: np.ndarray | None) -> np.ndarray:
    """Means of resampled seeds x resampled problems: weights that are counts of a multinomial draw."""
    rng = np.random.default_rng(SEED)
    seeds, problems = values.shape
    by_seed = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds
    if strata is None:
        drawn = _counts(rng, problems, resamples)
    else:
        parts = [np.flatnonzero(strata == part) for part in np.unique(strata)]
        values = values[:, np.concatenate(parts)]
        drawn = np.concatenate([_counts(rng, len(part), resamples) for part in parts], axis=1)
    by_problem = drawn / problems
    return np.einsum("rs,sp,rp->r", by_seed, values, by_problem, optimize=True)


def _counts(rng: np.random.Generator, count: int, resamples: int) -> np.ndarray:
    """How often each of ``count`` is drawn, of as many with replacement: ``[resamples, count]``."""
    return rng.multinomial(count, np.full(count, 1 / count), size=resamples)


class Comparison(NamedTuple):
    """One model against another on the same problems."""

    difference: float
    low: float
    high: float
    p_value: float
    """Two-sided, of a sign-flip permutation test over problems."""
    problems: int


def compare(
    one: np.ndarray,
    other: np.ndarray,
    confidence: float,
    resamples: int,
    strata: np.ndarray | None = None,
) -> Comparison:
    """Paired comparison: mean difference with its interval, and a permutation test.

    Under the null hypothesis either model could have made either of a problem's two values, so the sign of
    each problem's difference is random (scipy's permutation test; exact for few problems).

    Args:
        one: ``[seeds, problems]``.
        other: the same problems; where the number of seeds differs, means over seeds are compared.
        confidence: level of the interval.
        resamples: of the bootstrap, and of the permutation test.
        strata: as for :func:`mean_interval`.
    """
    one, other = np.atleast_2d(one), np.atleast_2d(other)
    if one.shape[0] != other.shape[0]:
        one, other = one.mean(axis=0, keepdims=True), other.mean(axis=0, keepdims=True)
    interval = mean_interval(one - other, confidence, resamples, strata)
    return Comparison(*interval, sign_flip_p((one - other).mean(axis=0), resamples), one.shape[1])


def sign_flip_p(differences: np.ndarray, resamples: int) -> float:
    """Two-sided p-value of a mean difference of zero; 1 where at most one problem differs."""
    moved = differences[differences != 0]  # a zero keeps its value under every sign
    if len(moved) < 2:
        return 1.0
    result = stats.permutation_test(
        (moved,),
        np.sum,
        permutation_type="samples",
        n_resamples=resamples,
        batch=_BATCH,
        rng=np.random.default_rng(SEED),
    )
    return float(result.pvalue)


def adjusted(p_values: np.ndarray) -> np.ndarray:
    """p-values for many comparisons at once: Benjamini and Hochberg's false discovery rate (scipy)."""
    return stats.false_discovery_control(p_values)

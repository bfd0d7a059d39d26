"""Intervals and tests against simulation, closed forms and scipy."""

import numpy as np
import pytest
from scipy import stats

from gdpo.statistics.intervals import adjusted, compare, expanded_level, mean_interval, sign_flip_p

CLUSTERED = (0.6, 1.4)  # Beta: problems that are easy or hard, mean 0.3, as in AIME


def samples(rng, problems, n=16, seeds=1):
    """Accuracies ``[seeds, problems]`` of problems of different difficulty; the true mean is 0.3."""
    return rng.binomial(n, rng.beta(*CLUSTERED, problems), (seeds, problems)) / n


@pytest.mark.parametrize(("problems", "seeds"), [(30, 1), (100, 1), (60, 3)])
def test_a_95_percent_interval_covers_93_to_97_percent(problems, seeds):
    rng = np.random.default_rng(7)
    trials, hits = 800, 0
    for _ in range(trials):
        found = mean_interval(samples(rng, problems, seeds=seeds), 0.95, 300)
        hits += found.low <= 0.3 <= found.high
    assert 0.93 <= hits / trials <= 0.97


def test_interval_of_a_constant_is_the_constant():
    assert mean_interval(np.full((1, 10), 0.3), 0.95, 1000) == pytest.approx((0.3, 0.3, 0.3))


def test_seeds_that_disagree_widen_the_interval():
    rng = np.random.default_rng(0)
    agreeing = np.repeat(samples(rng, 100), 3, axis=0)
    shifted = agreeing + np.array([[-0.2], [0.0], [0.2]])
    narrow, wide = (mean_interval(values, 0.95, 2000) for values in (agreeing, shifted))
    assert narrow.estimate == pytest.approx(wide.estimate)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_the_level_is_widened_as_students_t_is():
    assert expanded_level(0.95, 100_000) == pytest.approx(0.95, abs=1e-4)
    z = stats.norm.ppf((1 + expanded_level(0.95, 30)) / 2)
    assert z == pytest.approx(stats.t.ppf(0.975, 29) * np.sqrt(30 / 29))


@pytest.mark.parametrize("problems", [30, 60])
def test_the_paired_test_rejects_null_data_in_at_most_6_percent(problems):
    rng = np.random.default_rng(3)
    trials, rejected = 600, 0
    for _ in range(trials):
        difficulty = rng.beta(*CLUSTERED, problems)
        one, other = (rng.binomial(4, difficulty) / 4 for _ in range(2))
        rejected += sign_flip_p(one - other, 299) <= 0.05
    assert rejected / trials <= 0.06


def test_a_real_difference_is_found_by_its_pairing():
    rng = np.random.default_rng(1)
    base = rng.integers(0, 2, 200)
    better = np.where(rng.random(200) < 0.1, 1, base)
    found = compare(better[None], base[None], 0.95, 2000)
    assert found.difference == pytest.approx((better - base).mean()) and found.problems == 200
    assert found.low > 0 and found.p_value < 0.01
    # Unpaired, the same difference is inside the noise: two proportions near 0.5 of 200 problems.
    assert found.difference < 1.96 * np.sqrt(2 * 0.25 / 200)


def test_few_problems_are_permuted_exactly():
    # All 2^5 signs: the observed sum and its mirror image are the extremes.
    assert sign_flip_p(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), 10_000) == pytest.approx(2 / 32)
    assert sign_flip_p(np.zeros(5), 100) == 1.0
    assert sign_flip_p(np.array([0, 0, 0.5, 0]), 100) == 1.0, "of two signs either is as extreme"
    assert sign_flip_p(np.array([0, 0.3, 0.5, 0]), 100) == pytest.approx(2 / 4)


def test_different_numbers_of_seeds_compare_their_means():
    one, other = np.array([[0.2, 0.4], [0.4, 0.6]]), np.array([[0.3, 0.4]])
    assert compare(one, other, 0.95, 200).difference == pytest.approx(0.05)


def test_adjustment_by_hand():
    assert adjusted(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.04, 0.04])

"""The analytic figures against the paper's toy case, exact algebra and hand counts."""

import math
from collections import Counter
from fractions import Fraction
from itertools import combinations_with_replacement, product

import pytest
from matplotlib.figure import Figure

from gdpo.reporting.analytic import (
    advantage_group_counts,
    dgdo_weight_traces,
    plot_advantage_groups,
    plot_dgdo_saturation,
    reward_combinations,
)


def counts(responses=(), rewards=()):
    table = advantage_group_counts(responses=responses, rewards=rewards)
    return {(row.responses, row.rewards, row.method): row.count for row in table.itertuples(index=False)}


def test_the_papers_toy_case():
    found = counts(responses=[2])
    assert (found[2, 2, "GRPO"], found[2, 2, "GDPO"]) == (2, 3)
    # Without std the differences of sums remain: 0, 1 and 2.
    assert found[2, 2, "GRPO without std"] == 3


def test_one_binary_reward_is_counted_by_its_number_of_ones():
    # c ones of G = 4: advantages depend on c alone; 0 and 4 ones are both all zeros.
    found = counts(rewards=[1])
    assert {found[4, 1, method] for method in ("GRPO", "GRPO without std", "GDPO")} == {4}


def square_free(number):
    """(s, q) with number = s^2 q and q square-free."""
    root = 1
    for factor in range(2, math.isqrt(number) + 1):
        while number % factor**2 == 0:
            number, root = number // factor**2, root * factor
    return root, number


def exact_gdpo(vectors):
    """GDPO's advantages without floats, as a multiset, up to the common factor sqrt((G - 1) / G).

    A 0/1 reward with c ones has (r - mean) / std = (G r - c) / sqrt(c (G - c)) times that factor. Roots of
    different square-free numbers are independent over the rationals, so the coefficients decide equality.
    """
    group, terms = len(vectors), [Counter() for _ in vectors]
    for column in zip(*vectors, strict=True):
        ones = sum(column)
        if 0 < ones < group:
            root, free = square_free(ones * (group - ones))
            for term, value in zip(terms, column, strict=True):
                term[free] += Fraction(group * value - ones, root * free)
    return tuple(sorted(tuple(sorted((q, x) for q, x in term.items() if x)) for term in terms))


def exact_grpo(vectors, by_std):
    """GRPO's advantages as rational numbers: sign and square of (R - mean) / std, or R - mean."""
    sums = [sum(vector) for vector in vectors]
    mean = Fraction(sum(sums), len(sums))
    squares = sum((x - mean) ** 2 for x in sums)
    if not by_std or not squares:
        return tuple(sorted(x - mean for x in sums))
    return tuple(sorted(((x > mean) - (x < mean), (x - mean) ** 2 / squares) for x in sums))


@pytest.mark.parametrize(("responses", "rewards"), [(2, 2), (3, 2), (5, 2), (8, 2), (16, 2), (4, 3), (4, 4)])
def test_counts_equal_exact_algebra(responses, rewards):
    kinds = list(product((0, 1), repeat=rewards))
    groups = list(combinations_with_replacement(kinds, responses))
    found = counts(responses=[responses]) if rewards == 2 else counts(rewards=[rewards])
    assert found[responses, rewards, "GDPO"] == len({exact_gdpo(group) for group in groups})
    assert found[responses, rewards, "GRPO"] == len({exact_grpo(group, by_std=True) for group in groups})
    without = len({exact_grpo(group, by_std=False) for group in groups})
    assert found[responses, rewards, "GRPO without std"] == without


def test_gdpo_tells_more_apart_and_the_more_so_the_larger_the_group():
    found = counts(responses=[2, 4, 8, 12])
    ratios = [found[g, 2, "GDPO"] / found[g, 2, "GRPO"] for g in (2, 4, 8, 12)]
    assert ratios == sorted(ratios) and ratios[0] > 1


def test_combinations_are_all_multisets():
    combinations = reward_combinations(3, 2)
    assert combinations.shape == (math.comb(6, 3), 3, 2)
    assert len({tuple(sorted(map(tuple, rows))) for rows in combinations.tolist()}) == math.comb(6, 3)


@pytest.mark.parametrize(
    ("responses", "rewards", "words"), [(1, 2, "at least 2"), (4, 0, "at least"), (4, 8, "most")]
)
def test_settings_that_cannot_be_enumerated_are_refused(responses, rewards, words):
    with pytest.raises(ValueError, match=words):
        reward_combinations(responses, rewards)


def test_published_saturates_below_its_floor_and_corrected_does_not():
    traces = dgdo_weight_traces(steps=60, prompts=16, responses=8)
    last = traces[traces["step"] == 60].set_index(["variant", "reward"])["weight"]
    assert last["published"].min() < 0.15
    assert last["corrected"].min() >= 0.15
    published = traces[traces["variant"] == "published"]
    assert published["instability"].min() > 1e5
    assert traces[traces["variant"] == "corrected"]["instability"].max() <= 3
    warm = traces[traces["step"] <= 10]
    assert (warm["weight"] == 0.5).all()


def test_traces_repeat_with_the_seed():
    small = {"steps": 4, "prompts": 4, "responses": 4, "warmup_steps": 0}
    assert dgdo_weight_traces(**small).equals(dgdo_weight_traces(**small))
    assert not dgdo_weight_traces(**small).equals(dgdo_weight_traces(**small, seed=1))


def test_figures_show_the_tables():
    groups = plot_advantage_groups(advantage_group_counts(responses=[2, 3], rewards=[1, 2]))
    traces = plot_dgdo_saturation(dgdo_weight_traces(steps=3, prompts=4, responses=4))
    for figure in (groups, traces):
        assert isinstance(figure, Figure) and len(figure.axes) == 2
    lines = {line.get_label(): line for line in groups.axes[0].lines}
    assert list(lines) == ["GRPO", "GRPO without std", "GDPO"]
    assert lines["GDPO"].get_ydata()[0] == 3
    looks = {(line.get_linestyle(), line.get_marker()) for line in lines.values()}
    assert len(looks) == 3, "lines must differ without colour"
    dashes = {line.get_linestyle() for line in traces.axes[0].lines}
    assert len(dashes) == 3

"""Accuracy against response length, from small data frames with known content."""

import numpy as np
import pandas as pd
import pytest
from reading import legend, lines

from gdpo.reporting.figures_evaluation import accuracy_length, pareto_front


def arm_row(arm, accuracy, length, benchmark="b", seeds=1):
    method = "start" if arm == "toy" else arm
    return {
        "benchmark": benchmark,
        "arm": arm,
        "method": method,
        "start": "toy",
        "seeds": seeds,
        "problems": 10,
        "samples_per_problem": 2,
        "accuracy": accuracy,
        "accuracy_low": accuracy - 0.1,
        "accuracy_high": accuracy + 0.2,
        "response_length": length,
        "response_length_low": length - 1,
        "response_length_high": length + 3,
    }


@pytest.fixture
def arms():
    return pd.DataFrame(
        [
            arm_row("toy", 0.5, 30),
            arm_row("grpo", 0.7, 25),
            arm_row("gdpo", 0.6, 15),
            arm_row("dgdo", 0.55, 20),
        ]
    )


def test_the_pareto_front_is_what_brute_force_finds():
    random = np.random.default_rng(0)
    for _ in range(50):
        # Few distinct values: ties in either and in both.
        points = pd.DataFrame(
            {"accuracy": random.integers(0, 6, 12) / 5, "response_length": random.integers(1, 7, 12)}
        )
        pairs = set(points.itertuples(index=False, name=None))
        best = {(a, n) for a, n in pairs if not any(x >= a and m <= n and (x, m) != (a, n) for x, m in pairs)}
        front = list(pareto_front(points)[["accuracy", "response_length"]].itertuples(index=False, name=None))
        assert set(front) == best and len(front) == len(best)
        assert [n for _, n in front] == sorted(n for _, n in front)


def test_the_axis_holds_shares_where_nothing_is_solved(arms):
    for metric in ("accuracy", "accuracy_low", "accuracy_high"):
        arms[metric] = 0.0
    bottom, top = accuracy_length(arms, arms, limit=24).axes[0].get_ylim()
    assert -0.01 < bottom <= 0 and top >= 0.05


def test_the_front_is_drawn_through_the_arms_that_nothing_beats(arms):
    axis = accuracy_length(arms, arms, limit=24).axes[0]
    (front,) = lines(axis, "Pareto front")
    inner = list(zip(front.get_xdata(), front.get_ydata(), strict=True))[1:-1]
    assert inner == [(15, 0.6), (25, 0.7)]
    assert front.get_drawstyle() == "steps-post"


def test_points_have_their_intervals_and_the_limit_its_line(arms):
    figure = accuracy_length(arms, arms, limit=24)
    (axis,) = figure.axes
    assert axis.get_title() == "b\n10 problems × 2 samples"
    assert axis.get_xlabel().endswith("(tokens)") and axis.get_ylabel() == "accuracy (avg@2)"
    assert list(lines(axis, "limit: 24 tokens")[0].get_xdata()) == [24, 24]
    assert legend(figure)[:4] == ["starting model", "GRPO", "GDPO", "DGDO"]
    bars = {container.get_label(): container for container in axis.containers}
    along, up = (bar.get_segments()[0] for bar in bars["GRPO"].lines[2])
    assert along == pytest.approx(np.array([[24, 0.7], [28, 0.7]]))
    assert up == pytest.approx(np.array([[25, 0.6], [25, 0.9]]))


def test_each_starting_model_has_its_own_front(arms):
    other = arms.assign(arm=arms["arm"] + "-other", start="other")
    other[[name for name in other if name.startswith("response_length")]] -= 9
    figure = accuracy_length(pd.concat([arms, other]), arms, limit=24)
    assert [axis.get_title() for axis in figure.axes] == ["toy", "other"]
    assert figure.axes[0].get_ylabel() == "b\n10 problems\n× 2 samples"
    assert figure.get_supylabel() == "accuracy (avg@2)"
    fronts = [lines(axis, "Pareto front")[0].get_xdata()[1:-1] for axis in figure.axes]
    assert [list(front) for front in fronts] == [[15, 25], [6, 16]]


def test_single_seeds_are_drawn_beside_their_mean(arms):
    runs = pd.concat(
        [arms[arms["arm"] != "grpo"], pd.DataFrame([arm_row("grpo", a, 25) for a in (0.6, 0.8)])]
    )
    axis = accuracy_length(arms, runs, limit=24).axes[0]
    (seeds,) = [line for line in axis.lines if line.get_markerfacecolor() == "none"]
    assert list(seeds.get_ydata()) == [0.6, 0.8]

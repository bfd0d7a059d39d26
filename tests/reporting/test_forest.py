"""The forest plot of differences to the starting model."""

import pandas as pd
import pytest
from reading import legend

from gdpo.reporting.forest import METRICS, paired_forest
from gdpo.reporting.style import method_style


def paired_row(arm, difference, comparison="start", metric="accuracy", run="", start="toy", benchmark="b"):
    low, high = difference - 0.05, difference + 0.1
    return {
        "benchmark": benchmark,
        "run": run or arm,
        "arm": arm,
        "method": arm.split("-")[0],
        "start": start,
        "metric": metric,
        "comparison": comparison,
        "difference": difference,
        "low": low,
        "high": high,
        "significant": low > 0 or high < 0,
        "problems": 10,
    }


def test_the_forest_shows_percentage_points_and_fills_what_excludes_zero():
    rows = [paired_row(arm, d, metric=m) for m in METRICS for arm, d in (("grpo", 0.02), ("gdpo", 0.2))]
    rows.append(paired_row("gdpo", 0.9, comparison="arms"))
    figure = paired_forest(pd.DataFrame(rows), samples=4, confidence=0.9)
    assert [axis.get_title().split("\n")[1] for axis in figure.axes] == ["→ better", "→ better", "← better"]
    axis = figure.axes[0]
    assert "percentage points" in axis.get_xlabel() and "90%" in axis.get_xlabel()
    points = {float(c.lines[0].get_xdata()[0]): c for c in axis.containers}
    assert sorted(points) == pytest.approx([2, 20])  # not 90: arm against arm
    hollow, filled = (points[x].lines[0].get_markerfacecolor() for x in sorted(points))
    assert hollow == "white" and filled == method_style("gdpo")["color"]
    assert points[max(points)].lines[2][0].get_segments()[0][:, 0] == pytest.approx([15, 30])
    assert list(axis.lines[0].get_xdata()) == [0, 0]


def test_the_rows_of_the_forest_are_named_and_hold_their_arms():
    rows = [paired_row("grpo", 0.02), paired_row("gdpo", 0.2)]
    axis = paired_forest(pd.DataFrame(rows), samples=4, confidence=0.95).axes[0]
    names = {text.get_text(): text.get_position()[1] for text in axis.get_yticklabels()}
    assert list(names) == ["b\n(10 problems × 4)", "GRPO", "GDPO"]
    heights = [c.lines[0].get_ydata()[0] for c in axis.containers]
    assert heights == [names["GRPO"], names["GDPO"]] and names["GRPO"] < names["GDPO"]
    bottom, top = axis.get_ylim()
    assert bottom > names["GDPO"] and top < 0  # the first row is at the top


def test_seeds_are_small_markers_under_their_mean():
    rows = [
        paired_row("grpo", 0.02, run="grpo-seed1"),
        paired_row("grpo", 0.3, run="grpo-seed2"),
        paired_row("grpo", 0.16, comparison="start, seeds pooled"),
        paired_row("gdpo", 0.1),
    ]
    figure = paired_forest(pd.DataFrame(rows), samples=4, confidence=0.95)
    axis = figure.axes[0]
    assert sorted(c.lines[0].get_xdata()[0] for c in axis.containers) == pytest.approx([10, 16])
    small = [line for line in axis.lines if line.get_markersize() < 4 and line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in small] == pytest.approx([2, 30])
    assert [line.get_markerfacecolor() == "white" for line in small] == [True, False]
    assert legend(figure)[-1] == "single seeds"


def test_starting_models_are_one_below_the_other():
    rows = [paired_row(f"gdpo-{start}", d, start=start) for start, d in (("x", 0.1), ("y", 0.2))]
    figure = paired_forest(pd.DataFrame(rows), samples=4, confidence=0.95)
    first, second = figure.axes[0], figure.axes[len(METRICS)]
    assert [first.get_ylabel(), second.get_ylabel()] == ["x", "y"]
    found = [axis.containers[0].lines[0].get_xdata()[0] for axis in (first, second)]
    assert found == pytest.approx([10, 20])
    assert first.get_xlim() == second.get_xlim()


def test_without_room_for_names_the_legend_has_them():
    """3 methods on 14 benchmarks: rows for all names would be 15 inches high."""
    methods = ("grpo", "gdpo", "dgdo")
    rows = [paired_row(arm, 0.1, benchmark=f"b{i}") for i in range(14) for arm in methods]
    figure = paired_forest(pd.DataFrame(rows), samples=4, confidence=0.95)
    axis = figure.axes[0]
    names = {text.get_text(): text.get_position()[1] for text in axis.get_yticklabels()}
    assert list(names) == [f"b{i}\n(10 problems × 4)" for i in range(14)]
    assert legend(figure)[:3] == ["GRPO", "GDPO", "DGDO"]
    of_b0 = [c.lines[0] for c in axis.containers[:3]]
    assert [line.get_ydata()[0] - names["b0\n(10 problems × 4)"] for line in of_b0] == [-1, 0, 1]
    assert [line.get_color() for line in of_b0] == [method_style(method)["color"] for method in methods]


def test_float_noise_is_not_drawn_as_a_difference():
    rows = [paired_row(arm, 1e-19, metric=metric) for arm in ("grpo", "gdpo") for metric in METRICS]
    for axis in paired_forest(pd.DataFrame(rows), samples=4, confidence=0.95).axes:
        low, high = axis.get_xlim()
        assert low <= -1 and high >= 1

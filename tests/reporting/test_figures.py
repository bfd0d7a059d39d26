"""Figures of an experiment, from small data frames with known content."""

import numpy as np
import pandas as pd
import pytest

from gdpo.reporting.figures_evaluation import (
    accuracy_length,
    length_distributions,
    pareto_front,
    share_longer,
)
from gdpo.reporting.figures_training import dgdo_weights, read_runs, training_curves
from gdpo.reporting.forest import METRICS, paired_forest
from gdpo.reporting.panels import panel_grid
from gdpo.reporting.style import LABELS, WIDTH, arm_styles, method_style, model_styles, save, use_style


def panel(figure, title):
    return next(axis for axis in figure.axes if axis.get_title().startswith(title))


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def lines(axis, label):
    return [line for line in axis.lines if line.get_label() == label]


# Training


@pytest.fixture
def metrics():
    """Twenty steps of one run: rewards rise to 1, lengths fall from 29 to 10, the longest is twice that."""
    steps = np.arange(1, 21)
    columns = {
        "step": steps,
        "response_length/mean": 30 - steps,
        "response_length/max": 60 - 2 * steps,
        "dgdo/effective_beta": 0.9 + 0 * steps,
    }
    for name in ("correctness", "length"):
        columns[f"reward/{name}/mean"] = steps / 20
        columns[f"dgdo/reward_{name}/weight"] = 0.5 + 0 * steps
        columns[f"dgdo/reward_{name}/instability"] = 1.0 / steps
    return pd.DataFrame(columns)


@pytest.fixture
def runs(metrics):
    """GRPO with one seed; DGDO with two, whose lengths are 3 tokens apart."""
    longer = metrics.assign(**{"response_length/mean": metrics["response_length/mean"] + 3})
    return pd.concat(
        [
            metrics.assign(arm="grpo", method="grpo", seed=1),
            metrics.assign(arm="dgdo", method="dgdo", seed=1),
            longer.assign(arm="dgdo", method="dgdo", seed=2),
        ]
    ).assign(start="toy")


def curves(runs, rewards=("correctness", "length"), within=("length",)):
    return training_curves(runs, rewards, within, limit=24, batch="16 problems × 8 responses")


def test_training_curves_have_a_panel_a_quantity_with_its_unit(runs):
    figure = curves(runs)
    assert {axis.get_title(): axis.get_ylabel() for axis in figure.axes} == {
        "correctness reward": "mean over responses",
        "length reward": "within the limit",
        "mean response length": "tokens",
        "longest response": "tokens",
    }
    assert {axis.get_xlabel() for axis in figure.axes} == {"training step"}
    assert "16 problems × 8 responses" in figure.get_suptitle()
    assert legend(figure) == ["GRPO", "DGDO", "limit: 24 tokens"]
    assert panel(figure, "length").yaxis.get_major_formatter()(0.725, 0) == "72.5%"


def test_the_band_reaches_from_the_smallest_to_the_largest_seed(runs):
    axis = panel(curves(runs), "mean response length")
    (band,) = axis.collections
    heights = band.get_paths()[0].vertices
    middle = heights[heights[:, 0] == 10]
    assert {round(y, 6) for _, y in middle} == {20, 23}
    (dgdo,) = lines(axis, "DGDO")
    assert dgdo.get_ydata()[9] == pytest.approx(21.5)


def test_the_longest_response_and_the_limit_are_drawn_as_they_are(runs):
    axis = panel(curves(runs), "longest")
    (limit,) = lines(axis, "limit: 24 tokens")
    assert set(limit.get_ydata()) == {24}
    (grpo,) = lines(axis, "GRPO")
    assert grpo.get_ydata()[9] == pytest.approx(40)
    assert not lines(panel(curves(runs), "correctness"), "limit: 24 tokens")


def test_a_length_reward_of_another_kind_is_no_share_and_a_missing_metric_no_panel(runs):
    figure = curves(runs.drop(columns="response_length/max"), within=())
    assert panel(figure, "length reward").get_ylabel() == "mean over responses"
    assert "longest response" not in [axis.get_title() for axis in figure.axes]


def test_each_starting_model_has_its_own_panels_in_the_methods_styles(runs):
    other = runs.assign(arm=runs["arm"] + "-other", start="other")
    figure = curves(pd.concat([runs, other]))
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:2] == ["toy\ncorrectness reward", "other\ncorrectness reward"] and len(titles) == 8
    assert figure.axes[0].get_gridspec().ncols == 2
    assert legend(figure) == ["GRPO", "DGDO", "limit: 24 tokens"]
    colors = [lines(axis, "GRPO")[0].get_color() for axis in figure.axes]
    assert set(colors) == {method_style("grpo")["color"]}


def test_arms_of_one_method_are_told_apart_and_a_missing_reward_is_left_out(metrics):
    both = pd.concat(
        [
            metrics.assign(arm="dgdo-a", method="dgdo", seed=1),
            metrics.drop(columns="reward/length/mean").assign(arm="dgdo-b", method="dgdo", seed=1),
        ]
    )
    figure = curves(both.assign(start="toy"))
    assert legend(figure)[:2] == ["dgdo-a", "dgdo-b"]
    a, b = (lines(panel(figure, "correctness"), arm)[0] for arm in ("dgdo-a", "dgdo-b"))
    assert a.get_color() != b.get_color() and a.get_linestyle() != b.get_linestyle()
    assert lines(panel(figure, "length"), "dgdo-a") and not lines(panel(figure, "length"), "dgdo-b")


@pytest.mark.parametrize(("count", "across"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (12, 3)])
def test_panels_wrap_within_two_columns_of_a_paper(count, across):
    figure, axes = panel_grid(count, height=2)
    assert len(axes) == len(figure.axes) == count
    assert figure.get_figwidth() <= WIDTH and axes[0].get_gridspec().ncols == across


def test_dgdo_weights_draw_each_reward(metrics):
    runs = pd.concat(
        [metrics.assign(arm="a", seed=1), metrics.assign(arm="a", seed=2), metrics.assign(arm="b", seed=1)]
    )
    figure = dgdo_weights(runs, ["correctness", "length"])
    assert [axis.get_ylabel() for axis in figure.axes] == ["weight", "instability", "effective beta"] * 2
    assert [len(axis.collections) for axis in figure.axes] == [2, 2, 1, 0, 0, 0]  # bands
    assert legend(figure) == ["correctness", "length"]
    (weight,) = lines(figure.axes[0], "correctness")
    assert set(weight.get_ydata()) == {0.5}


def test_runs_are_read_with_their_facts(metrics, tmp_path):
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path in paths:
        metrics.to_parquet(path)
    facts = {"a-1": {"arm": "a", "seed": 1}, "b-2": {"arm": "b", "seed": 2}}
    read = read_runs(paths, facts)
    assert read.groupby(["run", "arm", "seed"]).size().to_dict() == {("a-1", "a", 1): 20, ("b-2", "b", 2): 20}


# Accuracy against length


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
    assert [axis.get_title().split("\n")[0] for axis in figure.axes] == ["toy, b", "other, b"]
    fronts = [lines(axis, "Pareto front")[0].get_xdata()[1:-1] for axis in figure.axes]
    assert [list(front) for front in fronts] == [[15, 25], [6, 16]]


def test_single_seeds_are_drawn_beside_their_mean(arms):
    runs = pd.concat(
        [arms[arms["arm"] != "grpo"], pd.DataFrame([arm_row("grpo", a, 25) for a in (0.6, 0.8)])]
    )
    axis = accuracy_length(arms, runs, limit=24).axes[0]
    (seeds,) = [line for line in axis.lines if line.get_markerfacecolor() == "none"]
    assert list(seeds.get_ydata()) == [0.6, 0.8]


# Differences to the starting model


def paired_row(arm, difference, comparison="start", metric="accuracy", run=""):
    low, high = difference - 0.05, difference + 0.1
    return {
        "benchmark": "b",
        "run": run or arm,
        "arm": arm,
        "method": arm,
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


# Response lengths


def scored(lengths, arm="gdpo", cut=(), run="", start="toy", benchmark="b"):
    return pd.DataFrame(
        {
            "benchmark": benchmark,
            "run": run or arm,
            "arm": arm,
            "method": "start" if arm == "toy" else arm,
            "start": start,
            "problem_id": [f"p{i // 2}" for i in range(len(lengths))],
            "n_tokens": lengths,
            "stop_reason": ["length" if i in cut else "eos" for i in range(len(lengths))],
        }
    )


def test_share_longer_counts_cut_off_responses_as_longer():
    scores = scored([10, 20, 20, 40], cut=[3])
    assert share_longer(scores, np.array([9, 10, 19, 20, 40])).tolist() == [1, 0.75, 0.75, 0.25, 0.25]


def test_the_marker_on_the_limit_shows_the_share_over_it():
    figure = length_distributions(
        pd.concat([scored([10, 30, 24, 25], "toy"), scored([8, 9, 9, 25])]), limit=24
    )
    (axis,) = figure.axes
    assert axis.get_title() == "b\n2 problems × 2 samples"
    for label, share in {"starting model": 0.5, "GDPO": 0.25}.items():
        (line,) = lines(axis, label)
        (marked,) = line.get_markevery()
        assert (line.get_xdata()[marked], line.get_ydata()[marked]) == (24, share)
    assert list(lines(axis, "limit: 24 tokens")[0].get_xdata()) == [24, 24]
    assert axis.get_xscale() == "linear" and axis.get_xlabel().endswith("(tokens)")


def test_cut_off_responses_are_crossed_at_their_share():
    scores = pd.concat([scored([10, 64, 12, 13], "toy", cut=[1]), scored([8, 9, 9, 25])])
    axis = length_distributions(scores, limit=24).axes[0]
    crosses = [line for line in axis.lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in crosses] == [(64, 0.25)]
    assert "responses cut off" in legend(axis.figure)


def test_seeds_make_a_band_and_starting_models_and_benchmarks_a_panel_each():
    scores = pd.concat(
        [
            scored([10, 30, 30, 30], run="gdpo-seed1"),
            scored([10, 10, 10, 30], run="gdpo-seed2"),
            scored([10, 10], start="other"),
            scored([10, 10], benchmark="c"),
        ]
    )
    figure = length_distributions(scores, limit=24)
    titles = [axis.get_title().split("\n")[0] for axis in figure.axes]
    assert sorted(titles) == ["other, b", "toy, b", "toy, c"]
    (band,) = panel(figure, "toy, b").collections
    heights = band.get_paths()[0].vertices
    assert {round(y, 6) for x, y in heights if x == 24} == {0.25, 0.75}
    (line,) = lines(panel(figure, "toy, b"), "GDPO")
    assert line.get_ydata()[line.get_markevery()[0]] == 0.5


def test_long_tails_are_drawn_on_a_log_axis_with_few_points():
    scores = scored(np.arange(20, 32_020, 4))
    axis = length_distributions(scores, limit=4000).axes[0]
    (line,) = lines(axis, "GDPO")
    assert axis.get_xscale() == "log" and 100 < len(line.get_xdata()) < 600
    assert axis.xaxis.get_major_formatter()(10_000) == "10000"
    exact = [(scores["n_tokens"] > x).mean() for x in line.get_xdata()]
    assert line.get_ydata() == pytest.approx(exact)


# Style


def test_too_many_arms_are_drawn_by_method():
    styles = arm_styles({f"gdpo-{i}": "gdpo" for i in range(40)})
    assert {style["label"] for style in styles.values()} == {"GDPO"}


def test_a_starting_model_is_grey_and_its_arms_keep_their_styles():
    arms = {"a": "gdpo", "b": "gdpo"}
    styles = model_styles({"small": "start"} | arms)
    assert styles == arm_styles(arms) | {"small": method_style("start") | {"label": "starting model"}}


def test_methods_differ_in_colour_line_and_marker():
    styles = [method_style(method) for method in LABELS if method != "start"]
    for cue in ("color", "linestyle", "marker"):
        assert len({str(style[cue]) for style in styles}) == len(styles)


def test_solid_lines_are_under_broken_ones():
    assert method_style("gdpo")["zorder"] < method_style("grpo")["zorder"]


def test_the_same_data_give_the_same_bytes(runs, tmp_path):
    use_style()
    for name in ("a", "b"):
        save(curves(runs), tmp_path / f"{name}.png", tmp_path / f"{name}.pdf")
    for suffix in ("png", "pdf"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()

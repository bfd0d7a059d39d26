"""Figures over training, from small data frames with known content."""

import numpy as np
import pandas as pd
import pytest
from reading import legend, lines, panel

from gdpo.reporting.figures_training import dgdo_weights, read_runs, training_curves
from gdpo.reporting.style import method_style, save, use_style


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
    assert [axis.get_title() for axis in figure.axes] == ["toy", "other", *[""] * 6]
    names = [axis.get_ylabel() for axis in figure.axes]
    assert names[::2] == [
        "correctness reward\n(mean over responses)",
        "length reward\n(within the limit)",
        "mean response length\n(tokens)",
        "longest response\n(tokens)",
    ]
    assert not any(names[1::2])
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


def test_dgdo_weights_draw_each_reward(metrics):
    runs = pd.concat(
        [metrics.assign(arm="a", seed=1), metrics.assign(arm="a", seed=2), metrics.assign(arm="b", seed=1)]
    )
    figure = dgdo_weights(runs, ["correctness", "length"])
    assert [axis.get_title() for axis in figure.axes[:3]] == ["weight", "instability", "effective beta"]
    assert [axis.get_ylabel() for axis in figure.axes] == ["a", "", "", "b", "", ""]
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


def test_the_same_data_give_the_same_bytes(runs, tmp_path):
    use_style()
    for name in ("a", "b"):
        save(curves(runs), tmp_path / f"{name}.png", tmp_path / f"{name}.pdf")
    for suffix in ("png", "pdf"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()

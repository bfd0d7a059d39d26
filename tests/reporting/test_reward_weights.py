"""The figure over the weight of the length reward."""

import pandas as pd
import pytest
from reading import legend, lines, panel

from gdpo.reporting.reward_weights import reward_weights

SWEEP = {
    "gdpo-1": {"kind": "plain", "weight": 1.0},
    "gdpo-0.25": {"kind": "plain", "weight": 0.25},
    "gdpo-c": {"kind": "conditioned", "weight": 1.0},
}


def row(arm, accuracy, exceed, benchmark="b", start="toy"):
    method = "start" if arm == start else "gdpo"
    found = {"benchmark": benchmark, "arm": arm, "method": method, "start": start}
    for metric, value in (("accuracy", accuracy), ("exceed", exceed)):
        found |= {metric: value, f"{metric}_low": value - 0.1, f"{metric}_high": value + 0.05}
    return found


def arms(benchmarks=("b",)):
    values = {
        "toy": (0.4, 0.9),
        "gdpo-1": (0.5, 0.1),
        "gdpo-0.25": (0.6, 0.3),
        "gdpo-c": (0.7, 0.2),
        "gdpo-other": (0.9, 0.9),
    }
    return pd.DataFrame([row(arm, *pair, name) for name in benchmarks for arm, pair in values.items()])


def points(axis, label):
    (found,) = [container for container in axis.containers if container.get_label() == label]
    return found.lines[0]


def test_each_kind_has_a_line_by_weight_and_other_arms_none():
    figure = reward_weights(arms(), SWEEP)
    assert [axis.get_ylabel() for axis in figure.axes] == ["accuracy", "over the limit"]
    accuracy, exceed = figure.axes
    assert accuracy.get_title() == "b" and exceed.get_xlabel() == "weight of the length reward"
    assert list(points(accuracy, "GDPO, plain").get_ydata()) == [0.6, 0.5]
    assert list(points(exceed, "GDPO, plain").get_ydata()) == [0.3, 0.1]
    assert list(points(accuracy, "GDPO, conditioned").get_ydata()) == [0.7]
    assert points(accuracy, "GDPO, plain").get_xdata() == pytest.approx([0.25, 1], abs=0.05)
    assert [text.get_text() for text in exceed.get_xticklabels()] == ["0.25", "1"]
    assert legend(figure) == ["GDPO, plain", "GDPO, conditioned", "starting model"]


def test_the_starting_model_is_a_line_of_accuracy_only():
    accuracy, exceed = reward_weights(arms(), SWEEP).axes
    assert list(lines(accuracy, "starting model")[0].get_ydata()) == [0.4, 0.4]
    assert not lines(exceed, "starting model")


def test_intervals_are_drawn_from_low_to_high():
    accuracy = reward_weights(arms(), SWEEP).axes[0]
    (bars,) = [c for c in accuracy.containers if c.get_label() == "GDPO, conditioned"]
    assert bars.lines[2][0].get_segments()[0][:, 1] == pytest.approx([0.6, 0.75])


def test_many_benchmarks_are_rows():
    names = [f"b{i}" for i in range(6)]
    figure = reward_weights(arms(names), SWEEP)
    assert [axis.get_ylabel() for axis in figure.axes[::2]] == names
    assert [axis.get_title() for axis in figure.axes[:2]] == ["accuracy", "over the limit"]
    assert list(points(figure.axes[3], "GDPO, plain").get_ydata()) == [0.3, 0.1]


def test_starting_models_have_rows_of_their_own():
    other = arms().replace({"start": {"toy": "o"}, "arm": {"toy": "o"} | {arm: f"{arm}-o" for arm in SWEEP}})
    sweep = SWEEP | {f"{arm}-o": value for arm, value in SWEEP.items()}
    figure = reward_weights(pd.concat([arms(), other]), sweep)
    names = [f"{start}\n{metric}" for start in ("toy", "o") for metric in ("accuracy", "over the limit")]
    assert [axis.get_ylabel() for axis in figure.axes] == names
    assert len(panel(figure, "b").containers) == 2

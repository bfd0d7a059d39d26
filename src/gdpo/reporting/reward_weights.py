"""Accuracy and exceed by the weight of the length reward, as in Figure 6 of the GDPO paper."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gdpo.reporting.panels import keep_to_shares, legend_below, panel_matrix, percent
from gdpo.reporting.style import label_of, method_style

METRICS = {"accuracy": "accuracy", "exceed": "over the limit"}
MOST_COLUMNS = 4
"""Up to so many benchmarks are columns; more are rows."""


def reward_weights(arms: pd.DataFrame, sweep: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Accuracy and share over the limit by weight, with intervals: a line a method and kind of length reward.

    A column a benchmark, a row a metric (and starting model, where there are several); of many benchmarks, a
    row a benchmark. A grey line is the starting model's accuracy.

    Args:
        arms: means over seeds (:func:`gdpo.reporting.tables.arms_table`).
        sweep: arm -> ``kind`` (plain or conditioned) and ``weight`` of its length reward; other arms are
            left out.
    """
    shown = arms[arms["arm"].isin(sweep)]
    shown = shown.assign(
        kind=[sweep[arm]["kind"] for arm in shown["arm"]],
        weight=[sweep[arm]["weight"] for arm in shown["arm"]],
    )
    starts, benchmarks = list(dict.fromkeys(shown["start"])), list(dict.fromkeys(shown["benchmark"]))
    metrics = list(product(starts, METRICS))
    figure, axes = _panels(benchmarks, metrics, len(starts) > 1)
    for (start, metric), row in zip(metrics, axes, strict=True):
        for benchmark, axis in zip(benchmarks, row, strict=True):
            if metric == "accuracy":
                _starting_model(axis, arms[(arms["benchmark"] == benchmark) & (arms["arm"] == start)])
            _lines(axis, shown[(shown["benchmark"] == benchmark) & (shown["start"] == start)], metric)
            keep_to_shares(axis)
            axis.yaxis.set_major_formatter(percent)
    legend_below(figure)
    return figure


def _panels(
    benchmarks: list[str], metrics: list[tuple[str, str]], several: bool
) -> tuple[Figure, np.ndarray]:
    """Labelled panels ``[metrics, benchmarks]``, drawn with benchmarks as rows where there are many."""
    names = [f"{start}\n{METRICS[metric]}" if several else METRICS[metric] for start, metric in metrics]
    if len(benchmarks) <= MOST_COLUMNS:
        figure, axes = panel_matrix(names, benchmarks, 1.9, sharex=True)
        grid = axes
    else:
        figure, axes = panel_matrix(benchmarks, names, 1.5, sharex=True)
        grid = axes.T
    for axis in axes[-1]:
        axis.set_xlabel("weight of the length reward")
    return figure, grid


def _starting_model(axis: Axes, rows: pd.DataFrame) -> None:
    """Its accuracy; its share over the limit is so high that it would squeeze all others."""
    for accuracy in rows["accuracy"]:
        color = method_style("start")["color"]
        axis.axhline(accuracy, color=color, linewidth=0.9, zorder=1, label=label_of("start"))


def _lines(axis: Axes, arms: pd.DataFrame, metric: str) -> None:
    """A line a method and kind; neighbours stand a little apart, so that every interval is seen."""
    weights = sorted(set(arms["weight"]))
    groups = list(arms.groupby(["method", "kind"], sort=False))
    apart = 0.03 * (weights[-1] - weights[0])
    for i, ((method, kind), rows) in enumerate(groups):
        ordered = rows.sort_values("weight")
        style, plain = method_style(method), kind == "plain"
        axis.errorbar(
            ordered["weight"] + apart * (i - (len(groups) - 1) / 2),
            ordered[metric],
            yerr=[ordered[metric] - ordered[f"{metric}_low"], ordered[f"{metric}_high"] - ordered[metric]],
            label=f"{label_of(method)}, {kind}",
            color=style["color"],
            marker=style["marker"],
            linestyle="-" if plain else "--",
            markerfacecolor=style["color"] if plain else "white",
            elinewidth=0.9,
            zorder=3,
        )
    axis.set_xticks(weights, [f"{weight:g}" for weight in weights])

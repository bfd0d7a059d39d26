"""Forest plot of the paired differences to the starting model."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gdpo.reporting.style import WIDTH, arm_labels, method_style

METRICS = {
    "accuracy": "accuracy\n→ better",
    "within_and_correct": "correct and within the limit\n→ better",
    "exceed": "over the limit\n← better",
}
"""Metric -> title of its panel."""


def paired_forest(paired: pd.DataFrame, samples: int, confidence: float) -> Figure:
    """Paired differences to the starting model in percentage points: a panel a metric, a row an arm.

    An arm's row has its mean over seeds, where there are several, with its interval, and small markers for
    single seeds below. A filled marker's interval excludes 0.

    Args:
        paired: the paired comparisons (:func:`gdpo.reporting.tables.paired_table`).
        samples: samples a problem.
        confidence: level of the intervals.
    """
    seeds = paired[paired["comparison"] == "start"]
    pooled = paired[paired["comparison"] == "start, seeds pooled"]
    means = pd.concat([seeds[~seeds["arm"].isin(pooled["arm"])], pooled])
    singles = seeds[seeds["arm"].isin(pooled["arm"])]
    rows = _rows(seeds)
    figure = Figure(figsize=(WIDTH, 1 + 0.24 * (max(rows.values()) + 1)))
    axes = figure.subplots(1, len(METRICS), sharey=True)
    for axis, (metric, title) in zip(axes, METRICS.items(), strict=True):
        axis.axvline(0, color="0.3", linewidth=0.9)
        for row in means[means["metric"] == metric].to_dict("records"):
            _interval(axis, row, rows[row["benchmark"], row["arm"]])
        for row in singles[singles["metric"] == metric].to_dict("records"):
            _single_seed(axis, row, rows[row["benchmark"], row["arm"]] + 0.33)
        axis.set(title=title, xlabel=f"difference (percentage points)\nwith {confidence:.0%} interval")
        axis.grid(visible=False, axis="y")
        axis.tick_params(axis="y", length=0)
    _name_rows(axes[0], seeds, rows, samples)
    _explain_markers(figure, len(singles) > 0)
    return figure


def _rows(seeds: pd.DataFrame) -> dict[tuple[str, str], float]:
    """(benchmark, arm) -> height in rows from the top; the benchmark's own name, arm "", takes two rows."""
    rows: dict[tuple[str, str], float] = {}
    height = 0.0
    for benchmark, group in seeds.groupby("benchmark", sort=False):
        rows[benchmark, ""] = height + 0.3
        height += 1.4
        for arm in dict.fromkeys(group["arm"]):
            rows[benchmark, arm] = height
            height += 1
    return rows


def _interval(axis: Axes, row: Mapping[str, Any], height: float) -> None:
    middle, low, high = (100 * row[key] for key in ("difference", "low", "high"))
    axis.errorbar(
        middle,
        height,
        xerr=[[middle - low], [high - middle]],
        **_marker(row),
        markersize=5,
        elinewidth=1.2,
        zorder=3,
    )


def _single_seed(axis: Axes, row: Mapping[str, Any], height: float) -> None:
    axis.plot(
        100 * row["difference"],
        height,
        **_marker(row),
        markersize=2.5,
        markeredgewidth=0.6,
    )


def _marker(row: Mapping[str, Any]) -> dict[str, object]:
    """The method's, as rows are named; hollow where the interval includes 0."""
    style = method_style(row["method"])
    face = style["color"] if row["significant"] else "white"
    return {"marker": style["marker"], "color": style["color"], "markerfacecolor": face}


def _name_rows(axis: Axes, seeds: pd.DataFrame, rows: Mapping[tuple[str, str], float], samples: int) -> None:
    labels = arm_labels(dict(zip(seeds["arm"], seeds["method"], strict=True)))
    problems = dict(zip(seeds["benchmark"], seeds["problems"], strict=True))
    names = [
        labels[arm] if arm else f"{benchmark}\n({problems[benchmark]} problems × {samples})"
        for benchmark, arm in rows
    ]
    axis.set_yticks(list(rows.values()), names)
    axis.set_ylim(max(rows.values()) + 0.7, -0.7)
    for text, (_, arm) in zip(axis.get_yticklabels(), rows, strict=True):
        text.set_fontweight("normal" if arm else "bold")


def _explain_markers(figure: Figure, several_seeds: bool) -> None:
    look = {"color": "0.2", "marker": "o", "linestyle": "none"}
    handles = [
        Line2D([], [], label="interval excludes 0", **look),
        Line2D([], [], label="interval includes 0", markerfacecolor="white", **look),
    ]
    if several_seeds:
        handles.append(Line2D([], [], label="single seeds", markersize=2.5, **look))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))

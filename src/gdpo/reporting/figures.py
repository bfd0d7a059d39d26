"""The figures of an experiment: data frames in, matplotlib figures out."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from gdpo.reporting.style import LABELS, WIDTH, arm_styles, method_style, reward_style


def training_curves(runs: pd.DataFrame, rewards: Sequence[str], limit: int, window: int = 5) -> Figure:
    """Mean of each reward and response length over training, a line an arm, a band over seeds.

    Args:
        runs: training metrics of all runs, with the columns run, arm, method, seed and step.
        rewards: names of the rewards to draw, one panel each; a run without one has no line there.
        limit: response-length limit in tokens, drawn in the length panel.
        window: steps of the centred moving mean that is drawn over the raw values.
    """
    columns = {f"reward/{name}/mean": f"{name} reward (mean)" for name in rewards}
    columns["response_length/mean"] = "response length (tokens)"
    figure = Figure(figsize=(WIDTH / 3 * max(3, len(columns)), 2.3))
    axes = figure.subplots(1, len(columns))
    styles = arm_styles(dict(zip(runs["arm"], runs["method"], strict=True)))
    for axis, (column, label) in zip(axes, columns.items(), strict=True):
        for arm, rows in runs.groupby("arm", sort=False):
            if rows[column].notna().any():
                _curve(axis, rows, column, styles[arm] | {"marker": ""}, window, raw=len(styles) <= 4)
        axis.set(xlabel="training step", ylabel=label)
    axes[-1].axhline(limit, color="0.3", linewidth=0.8, linestyle=":")
    axes[-1].annotate(
        f"limit {limit}", (1, limit), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7
    )
    _legend_below(figure, axes[-1])
    return figure


def _curve(
    axis: Axes, rows: pd.DataFrame, column: str, style: dict[str, object], window: int, raw: bool
) -> None:
    by_seed = rows.pivot_table(index="step", columns="seed", values=column).sort_index()
    smooth = by_seed.rolling(window, center=True, min_periods=1).mean()
    axis.plot(smooth.index, smooth.mean(axis=1), **style)
    if smooth.shape[1] > 1:
        axis.fill_between(
            smooth.index, smooth.min(axis=1), smooth.max(axis=1), color=style["color"], alpha=0.15, lw=0
        )
    elif raw:
        axis.plot(by_seed.index, by_seed.iloc[:, 0], color=style["color"], alpha=0.2, linewidth=0.6)


def accuracy_length(table: pd.DataFrame, limit: int) -> Figure:
    """Accuracy against mean response length, one panel a benchmark, with bootstrap intervals.

    Args:
        table: the main table (:func:`gdpo.reporting.tables.main_table`).
        limit: response-length limit in tokens, drawn as a vertical line.
    """
    benchmarks = list(dict.fromkeys(table["benchmark"]))
    figure = Figure(figsize=(max(3.3, 3.3 * len(benchmarks)), 2.6))
    axes = figure.subplots(1, len(benchmarks), squeeze=False)[0]
    styles = _model_styles(dict(zip(table["arm"], table["method"], strict=True)))
    for axis, benchmark in zip(axes, benchmarks, strict=True):
        rows = table[table["benchmark"] == benchmark]
        for _, row in rows.iterrows():
            _point(axis, row, styles[row["arm"]])
        axis.axvline(limit, color="0.3", linewidth=0.8, linestyle=":")
        problems, samples = rows["problems"].iloc[0], rows["samples_per_problem"].iloc[0]
        axis.set(
            title=f"{benchmark} ({problems} problems x {samples:.0f} samples)",
            xlabel=f"mean response length (tokens; dotted: limit {limit})",
            ylabel="accuracy (avg@k)",
        )
        axis.yaxis.set_major_formatter(PercentFormatter(1))
    _legend_below(figure, axes[0])
    return figure


def _model_styles(arms: dict[str, str]) -> dict[str, dict[str, object]]:
    """As for arms; starting models in grey, told apart by marker and name where there are several."""
    starts = [arm for arm, method in arms.items() if method == "start"]
    styles = arm_styles({arm: method for arm, method in arms.items() if method != "start"})
    for arm, marker in zip(starts, cycle("XP*hd8")):
        style = {"marker": marker, "label": LABELS["start"] if len(starts) == 1 else arm}
        styles[arm] = method_style("start") | style
    return styles


def _point(axis: Axes, row: pd.Series, style: dict[str, object]) -> None:
    axis.errorbar(
        row["response_length"],
        row["accuracy"],
        xerr=[
            [row["response_length"] - row["response_length_low"]],
            [row["response_length_high"] - row["response_length"]],
        ],
        yerr=[[row["accuracy"] - row["accuracy_low"]], [row["accuracy_high"] - row["accuracy"]]],
        label=style["label"],
        color=style["color"],
        marker=style["marker"],
        linestyle="none",
        elinewidth=0.9,
        markersize=5,
    )


def dgdo_weights(runs: Mapping[str, Sequence[pd.DataFrame]], rewards: Sequence[str]) -> Figure:
    """DGDO's weight and instability of each reward, and its effective beta; a row an arm, a line a seed.

    Args:
        runs: arm -> training metrics of its seeds.
        rewards: reward names; one that an arm does not have has no line there.
    """
    figure = Figure(figsize=(WIDTH, 0.6 + 1.7 * len(runs)))
    rows = figure.subplots(len(runs), 3, squeeze=False, sharex=True)
    for (arm, seeds), axes in zip(runs.items(), rows, strict=True):
        for metrics in seeds:
            _dgdo_row(axes, metrics, rewards)
        axes[0].set(ylabel="weight", ylim=(0, 1))
        axes[1].set(ylabel="instability")
        axes[2].set(ylabel="effective beta", ylim=(0, 1.02))
        if len(runs) > 1:
            axes[0].set_title(arm, loc="left")
    for axis in rows[-1]:
        axis.set_xlabel("training step")
    _legend_below(figure, rows[0][0])
    return figure


def _dgdo_row(axes: Sequence[Axes], metrics: pd.DataFrame, rewards: Sequence[str]) -> None:
    for axis, quantity in zip(axes, ("weight", "instability"), strict=False):
        for i, name in enumerate(rewards):
            column = f"dgdo/reward_{name}/{quantity}"
            if column in metrics:
                axis.plot(metrics["step"], metrics[column], label=name, **reward_style(i))
    axes[2].plot(metrics["step"], metrics["dgdo/effective_beta"], color="0.2")


def _legend_below(figure: Figure, axis: Axes) -> None:
    """One legend for all panels, under them, each label once."""
    handles = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=min(len(handles), 5))

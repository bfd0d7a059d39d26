"""The figures of an experiment: data frames in, matplotlib figures out."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from gdpo.reporting.style import LABELS, WIDTH, method_style, reward_style


def training_curves(runs: pd.DataFrame, rewards: Sequence[str], limit: int, window: int = 5) -> Figure:
    """Mean of each reward and response length over training, a line a method, a band over seeds.

    Args:
        runs: training metrics of all runs, with the columns run, method, seed and step.
        rewards: names of the rewards to draw, one panel each.
        limit: response-length limit in tokens, drawn in the length panel.
        window: steps of the centred moving mean that is drawn over the raw values.
    """
    columns = {f"reward/{name}/mean": f"{name} reward (mean)" for name in rewards}
    columns["response_length/mean"] = "response length (tokens)"
    figure = Figure(figsize=(WIDTH, 2.3))
    axes = figure.subplots(1, len(columns))
    for axis, (column, label) in zip(axes, columns.items(), strict=True):
        for method, rows in runs.groupby("method", sort=False):
            _curve(axis, rows, column, method, window)
        axis.set(xlabel="training step", ylabel=label)
    axes[-1].axhline(limit, color="0.3", linewidth=0.8, linestyle=":")
    axes[-1].annotate(
        f"limit {limit}", (1, limit), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7
    )
    _legend_below(figure, axes[0])
    return figure


def _curve(axis: Axes, rows: pd.DataFrame, column: str, method: str, window: int) -> None:
    style = method_style(method) | {"marker": ""}
    by_seed = rows.pivot_table(index="step", columns="seed", values=column).sort_index()
    smooth = by_seed.rolling(window, center=True, min_periods=1).mean()
    axis.plot(smooth.index, smooth.mean(axis=1), label=LABELS[method], **style)
    if smooth.shape[1] > 1:
        axis.fill_between(
            smooth.index, smooth.min(axis=1), smooth.max(axis=1), color=style["color"], alpha=0.15, lw=0
        )
    else:
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
    for axis, benchmark in zip(axes, benchmarks, strict=True):
        rows = table[table["benchmark"] == benchmark]
        for _, row in rows.iterrows():
            _point(axis, row)
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


def _point(axis: Axes, row: pd.Series) -> None:
    style = method_style(row["method"])
    axis.errorbar(
        row["response_length"],
        row["accuracy"],
        xerr=[
            [row["response_length"] - row["response_length_low"]],
            [row["response_length_high"] - row["response_length"]],
        ],
        yerr=[[row["accuracy"] - row["accuracy_low"]], [row["accuracy_high"] - row["accuracy"]]],
        label=LABELS[row["method"]],
        color=style["color"],
        marker=style["marker"],
        linestyle="none",
        elinewidth=0.9,
        markersize=5,
    )


def dgdo_weights(runs: Mapping[str, pd.DataFrame], rewards: Sequence[str]) -> Figure:
    """DGDO's weight and instability of each reward, and its effective beta, over training; a line a run.

    Args:
        runs: run name -> its training metrics.
        rewards: reward names.
    """
    figure = Figure(figsize=(WIDTH, 2.3))
    axes = figure.subplots(1, 3)
    panels = [("weight", "weight"), ("instability", "instability")]
    for axis, (quantity, label) in zip(axes, panels, strict=False):
        for i, name in enumerate(rewards):
            for metrics in runs.values():
                values = metrics[f"dgdo/reward_{name}/{quantity}"]
                axis.plot(metrics["step"], values, label=name, **reward_style(i))
        axis.set(xlabel="training step", ylabel=label)
    axes[0].set_ylim(0, 1)
    for metrics in runs.values():
        axes[2].plot(metrics["step"], metrics["dgdo/effective_beta"], color="0.2")
    axes[2].set(xlabel="training step", ylabel="effective beta", ylim=(0, 1.02))
    _legend_below(figure, axes[0])
    return figure


def _legend_below(figure: Figure, axis: Axes) -> None:
    """One legend for all panels, under them, each label once."""
    handles = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles))

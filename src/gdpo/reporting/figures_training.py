"""Figures over training: data frames of veRL's metrics in, matplotlib figures out."""

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gdpo.parquet import read_table
from gdpo.reporting.panels import (
    legend_below,
    limit_line,
    on_two_lines,
    panel_grid,
    panel_matrix,
    percent,
)
from gdpo.reporting.style import arm_styles, reward_style

WINDOW = 5
"""Steps of the centred moving mean that is drawn of noisy metrics."""
QUARTILES_FROM = 4
"""Seeds from which a line is their median and a band their interquartile range."""
MOST_RAW_ARMS = 4
"""With more lines in a panel, raw values behind them would hide more than they show."""


def read_runs(paths: Sequence[str | Path], runs: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Training metrics of all runs in one frame, with the run's name and facts as columns.

    Args:
        paths: each run's metrics.parquet, one row a step.
        runs: run -> its facts (arm, method, start, seed), in the order of ``paths``.
    """
    frames = [
        read_table(path).to_pandas().assign(run=name, **facts)
        for path, (name, facts) in zip(paths, runs.items(), strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


_REWARD, _WITHIN, _TOKENS = "mean over responses", "within the limit", "tokens"


class _Panel(NamedTuple):
    column: str
    title: str
    unit: str


def training_curves(
    runs: pd.DataFrame, rewards: Sequence[str], within: Collection[str], limit: int, batch: str
) -> Figure:
    """Mean of each reward, and response length, over training; a line an arm, a band over its seeds.

    Where there are several starting models, each has panels of its own, side by side.

    Args:
        runs: training metrics of all runs, with the columns run, arm, method, start, seed and step.
        rewards: names of the rewards to draw, one panel each; a run without one has no line there, and a
            metric that no run has is left out.
        within: those of them whose mean is the share of responses within the limit.
        limit: response-length limit in tokens, drawn in the panels of length.
        batch: numbers of problems and responses of a step, for the title.
    """
    panels = [panel for panel in _panels(rewards, within) if panel.column in runs]
    starts = dict(list(runs.groupby("start", sort=False)))
    figure, axes = _training_panels(panels, list(starts))
    for axis, (panel, start) in zip(axes, product(panels, starts), strict=True):
        _draw_arms(axis, starts[start], panel.column)
        if panel.unit == _WITHIN:
            axis.yaxis.set_major_formatter(percent)
        if panel.unit == _TOKENS:
            limit_line(axis, limit)
    figure.suptitle(f"each step: {batch}", fontsize=8)
    legend_below(figure)
    return figure


def _training_panels(panels: Sequence[_Panel], starts: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Labelled panels: of one starting model one after the other, of several a column each."""
    if len(starts) == 1:
        figure, axes = panel_grid(len(panels), height=1.8)
        for axis, panel in zip(axes, panels, strict=True):
            axis.set(title=panel.title, xlabel="training step", ylabel=panel.unit)
        return figure, axes
    names = [f"{panel.title}\n({panel.unit})" for panel in panels]
    figure, matrix = panel_matrix(names, starts, height=1.8, sharex=True)
    for axis in matrix[-1]:
        axis.set_xlabel("training step")
    return figure, list(matrix.ravel())


def _draw_arms(axis: Axes, runs: pd.DataFrame, column: str) -> None:
    styles = arm_styles(dict(zip(runs["arm"], runs["method"], strict=True)))
    for arm, rows in runs.groupby("arm", sort=False):
        if rows[column].notna().any():
            _curve(axis, rows, column, styles[arm] | {"marker": ""}, raw=len(styles) <= MOST_RAW_ARMS)


def _panels(rewards: Sequence[str], within: Collection[str]) -> list[_Panel]:
    means = [
        _Panel(f"reward/{name}/mean", f"{name} reward", _WITHIN if name in within else _REWARD)
        for name in rewards
    ]
    lengths = [
        _Panel("response_length/mean", "mean response length", _TOKENS),
        _Panel("response_length/max", "longest response", _TOKENS),
    ]
    return means + lengths


def _curve(
    axis: Axes,
    rows: pd.DataFrame,
    column: str,
    style: Mapping[str, Any],
    raw: bool = True,
    window: int = WINDOW,
) -> None:
    """Moving mean over ``window`` steps: its middle and a band over seeds, or one seed's raw values.

    Of many seeds the median and the quartiles, as in the GDPO paper's Figure 4; of few, of which quartiles
    say nothing, the mean, and the lowest and the highest.
    """
    by_seed = rows.pivot_table(index="step", columns="seed", values=column).sort_index()
    smooth = by_seed.rolling(window, center=True, min_periods=1).mean()
    many = smooth.shape[1] >= QUARTILES_FROM
    axis.plot(smooth.index, smooth.median(axis=1) if many else smooth.mean(axis=1), **style)
    if smooth.shape[1] > 1:
        low, high = (smooth.quantile(q, axis=1) for q in ((0.25, 0.75) if many else (0, 1)))
        axis.fill_between(smooth.index, low, high, color=style["color"], alpha=0.2, lw=0)
    elif raw and window > 1:
        axis.plot(by_seed.index, by_seed.iloc[:, 0], color=style["color"], alpha=0.25, linewidth=0.5)


def dgdo_weights(runs: pd.DataFrame, rewards: Sequence[str]) -> Figure:
    """DGDO's weight and instability of each reward, and its effective beta; a row an arm, bands over seeds.

    Args:
        runs: training metrics of DGDO's runs, with the columns arm, seed and step.
        rewards: reward names; one that an arm does not have has no line there.
    """
    arms = list(dict.fromkeys(runs["arm"]))
    names = [on_two_lines(arm) for arm in arms] if len(arms) > 1 else [""]
    figure, matrix = panel_matrix(names, ["weight", "instability", "effective beta"], 1.7, sharex=True)
    for arm, axes in zip(arms, matrix, strict=True):
        _dgdo_row(axes, runs[runs["arm"] == arm], rewards)
        # Level: upright, a name would be longer than its row.
        axes[0].yaxis.label.set(rotation=0, horizontalalignment="right", verticalalignment="center")
    for axis in matrix[-1]:
        axis.set_xlabel("training step")
    legend_below(figure)
    return figure


def _dgdo_row(axes: Sequence[Axes], runs: pd.DataFrame, rewards: Sequence[str]) -> None:
    for axis, quantity, window in zip(axes, ("weight", "instability"), (1, WINDOW), strict=False):
        for i, name in enumerate(rewards):
            column = f"dgdo/reward_{name}/{quantity}"
            if column in runs and runs[column].notna().any():
                _curve(axis, runs, column, reward_style(i) | {"label": name}, window=window)
        axis.set_ylim(bottom=0)
    _curve(axes[2], runs, "dgdo/effective_beta", {"color": "0.2"}, window=1)
    axes[0].set_ylim(0, 1)
    axes[2].set_ylim(0, 1.02)

"""Figures of the evaluation: tables and scored samples in, matplotlib figures out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gdpo.reporting.panels import (
    keep_to_shares,
    legend_below,
    limit_line,
    log_tokens,
    panel_grid,
    panel_matrix,
    percent,
)
from gdpo.reporting.style import model_styles

_CURVE_POINTS = 500
_LOG_FROM = 4  # longest response over the limit, from where a linear axis would squeeze all below the limit


def accuracy_length(arms: pd.DataFrame, runs: pd.DataFrame, limit: int) -> Figure:
    """Accuracy against mean response length, with intervals and the Pareto front.

    One panel a benchmark and starting model; of several models, a column each.

    Args:
        arms: means over seeds (:func:`gdpo.reporting.tables.arms_table`).
        runs: the same of each model (:func:`gdpo.reporting.tables.main_table`), for single seeds.
        limit: response-length limit in tokens, drawn as a vertical line.
    """
    panels = dict(list(arms.groupby(["benchmark", "start"], sort=False)))
    samples, several = int(arms["samples_per_problem"].iloc[0]), arms["start"].nunique() > 1
    labels = ("mean response length (tokens)", f"accuracy (avg@{samples})")
    sizes = {benchmark: (rows["problems"].iloc[0], samples) for (benchmark, _), rows in panels.items()}
    figure, axes = _benchmark_panels(list(panels), sizes, 2.3, labels, sharex=True)
    if several and _is_wide(arms["response_length"]):
        log_tokens(next(iter(axes.values())))
    for key, rows in panels.items():
        styles = model_styles(dict(zip(rows["arm"], rows["method"], strict=True)))
        for row in rows.to_dict("records"):
            seeds = runs[(runs["benchmark"] == key[0]) & (runs["arm"] == row["arm"])]
            _point(axes[key], row, seeds, styles[row["arm"]], size=4 if several else 5.5)
        limit_line(axes[key], limit, vertical=True)
        keep_to_shares(axes[key])
        axes[key].yaxis.set_major_formatter(percent)
    # Last: fronts reach to the edges, and panels may share them.
    for key, rows in panels.items():
        _draw_front(axes[key], pareto_front(rows))
    legend_below(figure)
    return figure


def _is_wide(lengths: pd.Series) -> bool:
    return lengths.max() > _LOG_FROM * lengths.min()


def _benchmark_panels(
    keys: Sequence[tuple[str, str]],
    sizes: Mapping[str, tuple[int, int]],
    height: float,
    labels: tuple[str, str],
    **shared: bool,
) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """A panel a benchmark and starting model: of one model one after the other, of several a column each.

    Args:
        keys: (benchmark, starting model) of each panel.
        sizes: benchmark -> its problems and samples a problem.
        height: inches of a panel.
        labels: of the x and the y axis.
        shared: axes that all panels share, where models have a column each.
    """
    benchmarks, starts = (list(dict.fromkeys(names)) for names in zip(*keys, strict=True))
    if len(starts) == 1:
        figure, axes = panel_grid(len(keys), height)
        for axis, (benchmark, _) in zip(axes, keys, strict=True):
            title = f"{benchmark}\n{sizes[benchmark][0]} problems × {sizes[benchmark][1]} samples"
            axis.set(title=title, xlabel=labels[0], ylabel=labels[1])
        return figure, dict(zip(keys, axes, strict=True))
    names = [f"{name}\n{sizes[name][0]} problems\n× {sizes[name][1]} samples" for name in benchmarks]
    figure, matrix = panel_matrix(names, starts, height, **shared)
    figure.supylabel(labels[1], fontsize="medium")
    for axis in matrix[-1]:
        axis.set_xlabel(labels[0])
    return figure, {
        (benchmark, start): axis
        for benchmark, row in zip(benchmarks, matrix, strict=True)
        for start, axis in zip(starts, row, strict=True)
    }


def _point(
    axis: Axes, row: Mapping[str, Any], seeds: pd.DataFrame, style: Mapping[str, Any], size: float
) -> None:
    """An arm's mean with its intervals, and its single seeds as small hollow markers; size in points."""
    sides = {
        metric: [[row[metric] - row[f"{metric}_low"]], [row[f"{metric}_high"] - row[metric]]]
        for metric in ("response_length", "accuracy")
    }
    look = {"color": style["color"], "marker": style["marker"], "linestyle": "none"}
    axis.errorbar(
        row["response_length"],
        row["accuracy"],
        xerr=sides["response_length"],
        yerr=sides["accuracy"],
        label=style["label"],
        elinewidth=0.9,
        markersize=size,
        **look,
    )
    if len(seeds) > 1:
        axis.plot(
            seeds["response_length"],
            seeds["accuracy"],
            markersize=size / 2,
            markerfacecolor="none",
            markeredgewidth=0.6,
            **look,
        )


def pareto_front(points: pd.DataFrame) -> pd.DataFrame:
    """Rows that no other row beats: none is as accurate and shorter, or as short and more accurate.

    Args:
        points: columns accuracy and response_length (tokens).

    Returns:
        Such rows from the shortest to the longest; of equal ones, one.
    """
    ordered = points.sort_values(["response_length", "accuracy"], ascending=[True, False])
    best_so_far = ordered["accuracy"].cummax().shift(fill_value=-np.inf)
    return ordered[ordered["accuracy"] > best_so_far]


def _draw_front(axis: Axes, front: pd.DataFrame) -> None:
    """Staircase through the front's points, on to the panel's edges."""
    (_, right), (bottom, _) = axis.get_xlim(), axis.get_ylim()
    lengths, accuracies = front["response_length"].to_list(), front["accuracy"].to_list()
    axis.plot(
        [lengths[0], *lengths, right],
        [bottom, *accuracies, accuracies[-1]],
        drawstyle="steps-post",
        color="0.65",
        linewidth=0.9,
        zorder=1,
        label="Pareto front",
    )
    axis.set(xlim=(None, right), ylim=(bottom, None))


def length_distributions(scores: pd.DataFrame, limit: int) -> Figure:
    """Share of responses that are longer than a number of tokens, one panel a benchmark and starting model.

    A response that was cut off counts as longer than any number: its full length is not known.

    Args:
        scores: scored samples of all models, with the columns benchmark, run, arm, method, start,
            problem_id, n_tokens and stop_reason.
        limit: response-length limit in tokens, drawn as a vertical line; a marker shows the share over it.
    """
    panels = dict(list(scores.groupby(["benchmark", "start"], sort=False)))
    lengths = _lengths(int(scores["n_tokens"].min()), int(scores["n_tokens"].max()), limit)
    sizes = {benchmark: _sizes(rows) for (benchmark, _), rows in panels.items()}
    labels = ("response length (tokens)", "longer responses")
    figure, axes = _benchmark_panels(list(panels), sizes, 2.1, labels, sharex=True, sharey=True)
    for key, rows in panels.items():
        axis = axes[key]
        styles = model_styles(rows.drop_duplicates("arm").set_index("arm")["method"].to_dict())
        for arm, responses in rows.groupby("arm", sort=False):
            _share_longer(axis, responses, lengths, limit, styles[arm])
        limit_line(axis, limit, vertical=True)
        axis.set_ylim(-0.03, 1.03)
        if lengths[-1] > _LOG_FROM * limit:
            log_tokens(axis)
        axis.yaxis.set_major_formatter(percent)
    next(iter(axes.values())).plot(
        [], [], color="0.2", marker="x", linestyle="none", label="responses cut off"
    )
    legend_below(figure)
    return figure


def _sizes(rows: pd.DataFrame) -> tuple[int, int]:
    """Problems of a benchmark, and samples a problem."""
    return rows["problem_id"].nunique(), rows.groupby(["run", "problem_id"]).size().iloc[0]


def _lengths(shortest: int, longest: int, limit: int) -> np.ndarray:
    """Whole numbers of tokens to draw at: each one, or enough for a smooth line; the limit is one of them."""
    spaced = np.geomspace if longest > _LOG_FROM * limit else np.linspace
    return np.unique(
        np.append(spaced(max(1, shortest - 1), longest, _CURVE_POINTS).astype(int), [limit, longest])
    )


def _share_longer(
    axis: Axes, responses: pd.DataFrame, lengths: np.ndarray, limit: int, style: Mapping[str, Any]
) -> None:
    """Mean over seeds, a band from least to most, markers at the limit and where responses are cut off."""
    shares = np.stack([share_longer(seed, lengths) for _, seed in responses.groupby("run")])
    mean, color = shares.mean(axis=0), style["color"]
    at_limit = [int(np.searchsorted(lengths, limit))]
    # Hollow markers: where arms are close, each is still seen.
    axis.plot(
        lengths,
        mean,
        drawstyle="steps-post",
        markevery=at_limit,
        markersize=5,
        markerfacecolor="none",
        **style,
    )
    if len(shares) > 1:
        axis.fill_between(
            lengths, shares.min(axis=0), shares.max(axis=0), step="post", color=color, alpha=0.2, lw=0
        )
    cut = responses.loc[responses["stop_reason"] == "length", "n_tokens"]
    if len(cut):
        axis.plot(cut.max(), mean[-1], marker="x", color=color, markersize=5, zorder=4)


def share_longer(responses: pd.DataFrame, lengths: np.ndarray) -> np.ndarray:
    """Share of responses with more than each number of ``lengths`` tokens; cut-off ones always count.

    Args:
        responses: columns n_tokens and stop_reason (``length``: cut off).
        lengths: numbers of tokens.
    """
    known = responses["n_tokens"].astype(float).mask(responses["stop_reason"] == "length", np.inf)
    return 1 - np.searchsorted(np.sort(known.to_numpy()), lengths, side="right") / len(known)

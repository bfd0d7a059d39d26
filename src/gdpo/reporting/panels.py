"""Panels of a figure at a paper's width, and the legend under them."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gdpo.reporting.style import COLUMN, HEIGHT, WIDTH

_LEGEND = 0.7  # inches of a page's height kept for legend and shared labels
_LONG_NAME = 14  # characters of a row's name that stand on one line


def panel_grid(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels, each ``height`` inches high with its labels, at most three side by side.

    As many as fit are side by side; four are two by two. One panel is a paper's column wide, more are two
    columns wide in all. Panels are lower where the figure would be higher than a page.
    """
    columns = 2 if count == 4 else min(count, 3)
    rows = ceil(count / columns)
    figure = Figure(figsize=(COLUMN if count == 1 else WIDTH, rows * _row_height(rows, height)))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[count:]:
        axis.remove()
    return figure, list(axes[:count])


def panel_matrix(
    rows: Sequence[str], columns: Sequence[str], height: float, **shared: Any
) -> tuple[Figure, np.ndarray]:
    """A figure two columns of a paper wide, with named rows and columns of panels.

    Args:
        rows: their names, left of the first panel of each.
        columns: their names, over the first row.
        height: inches of a row; less where the figure would be higher than a page.
        shared: axes that panels share (``sharex``, ``sharey``), as in :meth:`Figure.subplots`.

    Returns:
        The figure, and its panels ``[rows, columns]``.
    """
    figure = Figure(figsize=(WIDTH, 0.3 + len(rows) * _row_height(len(rows), height)))
    axes = figure.subplots(len(rows), len(columns), squeeze=False, **shared)
    for axis, name in zip(axes[0], columns, strict=True):
        axis.set_title(name)
    for axis, name in zip(axes[:, 0], rows, strict=True):
        axis.set_ylabel(name)
    return figure, axes


def _row_height(rows: int, height: float) -> float:
    return min(height, (HEIGHT - _LEGEND) / rows)


def on_two_lines(name: str) -> str:
    """A long name, broken at the hyphen nearest to its middle."""
    breaks = [i + 1 for i, char in enumerate(name) if char == "-"]
    if len(name) <= _LONG_NAME or not breaks:
        return name
    middle = min(breaks, key=lambda i: abs(i - len(name) / 2))
    return f"{name[:middle]}\n{name[middle:]}"


def log_tokens(axis: Axes) -> None:
    """A logarithmic axis of tokens, with numbers at 1, 2 and 5 of each power of ten: 500, 1k, 2k."""
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(FuncFormatter(_thousands))
    axis.xaxis.set_minor_formatter(NullFormatter())


def legend_below(figure: Figure) -> None:
    """One legend for all panels, each label once, under them: the figure grows, and no data are hidden."""
    handles: dict[str, Artist] = {}
    for axis in figure.axes:
        found = zip(*axis.get_legend_handles_labels(), strict=True)
        # Data first: matplotlib puts points with error bars after every line.
        for handle, label in sorted(found, key=lambda pair: isinstance(pair[0], Line2D)):
            handles.setdefault(label, handle)
    columns = _legend_columns([len(label) for label in handles], figure.get_figwidth())
    figure.set_figheight(figure.get_figheight() + 0.1 + 0.16 * ceil(len(handles) / columns))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=columns)


def _legend_columns(lengths: list[int], width: float) -> int:
    """Entries that have room side by side: about 17 characters an inch, and 8 more for line and gaps."""
    room = 17 * width
    if sum(lengths) + 8 * len(lengths) <= room:
        return len(lengths)
    return max(1, int(room / (max(lengths) + 8)))


def _thousands(tokens: float, _: int) -> str:
    return f"{tokens / 1000:g}k" if tokens >= 1000 else f"{tokens:g}"


def keep_to_shares(axis: Axes) -> None:
    """No axis far below 0 %, nor a span of nothing, where all shares are 0."""
    bottom, top = axis.get_ylim()
    top = max(top, 0.05)
    axis.set_ylim(max(bottom, -0.04 * top), top)


def percent(share: float, _: int) -> str:
    """Tick label of a share from 0 to 1."""
    return f"{100 * share:g}%"


def limit_line(axis: Axes, limit: int, vertical: bool = False) -> None:
    """The response-length limit, in tokens, as a dotted line that the legend names."""
    draw = axis.axvline if vertical else axis.axhline
    draw(limit, color="0.3", linewidth=0.9, linestyle=":", label=f"limit: {limit} tokens")

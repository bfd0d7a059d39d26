"""Panels of a figure at a paper's width, and the legend under them."""

from math import ceil

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gdpo.reporting.style import COLUMN, WIDTH


def panel_grid(count: int, height: float, columns: int | None = None) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels, each ``height`` inches high with its labels, at most three side by side.

    Without ``columns``, as many as fit side by side; four are two by two.

    One panel is a paper's column wide, more are two columns wide in all.
    """
    columns = columns or (2 if count == 4 else min(count, 3))
    rows = ceil(count / columns)
    figure = Figure(figsize=(COLUMN if count == 1 else WIDTH, height * rows))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[count:]:
        axis.remove()
    return figure, list(axes[:count])


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


def percent(share: float, _: int) -> str:
    """Tick label of a share from 0 to 1."""
    return f"{100 * share:g}%"


def limit_line(axis: Axes, limit: int, vertical: bool = False) -> None:
    """The response-length limit, in tokens, as a dotted line that the legend names."""
    draw = axis.axvline if vertical else axis.axhline
    draw(limit, color="0.3", linewidth=0.9, linestyle=":", label=f"limit: {limit} tokens")

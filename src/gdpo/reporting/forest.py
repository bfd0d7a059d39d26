"""Forest plot of the paired differences to the starting model."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gdpo.reporting.style import HEIGHT, MOST_ARMS, WIDTH, arm_labels, arm_styles, method_style

METRICS = {
    "accuracy": "accuracy\n→ better",
    "within_and_correct": "correct and within the limit\n→ better",
    "exceed": "over the limit\n← better",
}
"""Metric -> title of its panel."""
_AROUND = 1.2  # inches of a figure's height for titles, axis labels and legend
_ROW = 0.24  # inches of a row with the arm's name
_LOW_ROW = 0.13  # inches of a row without it


class _Block(NamedTuple):
    """The rows of one starting model."""

    start: str
    seeds: pd.DataFrame
    """Its comparisons of single seeds."""
    rows: dict[tuple[str, str], float]
    """(benchmark, arm) -> height in rows from the top; the benchmark's own name has arm ""."""
    styles: Mapping[str, Mapping[str, Any]]
    """Arm -> colour and marker: the method's, where the rows have the arms' names."""

    @property
    def height(self) -> float:
        """In rows, the margins included."""
        return max(self.rows.values()) + 1.4


LEAST_SHOWN = 1.0
"""Percentage points to either side of 0 that a panel shows at least."""


def paired_forest(paired: pd.DataFrame, samples: int, confidence: float) -> Figure:
    """Paired differences to the starting model in percentage points: a panel a metric, a row an arm.

    An arm's row has its mean over seeds, where there are several, with its interval, and small markers for
    single seeds below. A filled marker's interval excludes 0. Each starting model has panels of its own, one
    model below the other. Where the names of all arms would not fit a page, the legend names the arms.

    Args:
        paired: the paired comparisons (:func:`gdpo.reporting.tables.paired_table`).
        samples: samples a problem.
        confidence: level of the intervals.
    """
    seeds = paired[paired["comparison"] == "start"]
    pooled = paired[paired["comparison"] == "start, seeds pooled"]
    means = pd.concat([seeds[~seeds["arm"].isin(pooled["arm"])], pooled])
    singles = seeds[seeds["arm"].isin(pooled["arm"])]
    blocks, named = _blocks(seeds)
    figure, axes, row = _panels(blocks, named)
    for block, panels in zip(blocks, axes, strict=True):
        for axis, metric in zip(panels, METRICS, strict=True):
            ours = [t[(t["metric"] == metric) & (t["start"] == block.start)] for t in (means, singles)]
            _draw(axis, *ours, block, size=min(5, 40 * row))
        _name_rows(panels[0], block, samples, named, row)
        panels[0].set_ylabel(block.start if len(blocks) > 1 else "", fontweight="bold")
    for axis, title in zip(axes[0], METRICS.values(), strict=True):
        axis.set_title(title)
    for axis in axes[-1]:
        low, high = axis.get_xlim()
        # Models that did not change differ by float noise, which is no scale to draw at.
        axis.set_xlim(min(low, -LEAST_SHOWN), max(high, LEAST_SHOWN))
        axis.set_xlabel(f"difference (percentage points)\nwith {confidence:.0%} interval")
    _explain(figure, [] if named else blocks, len(singles) > 0)
    return figure


def _blocks(seeds: pd.DataFrame) -> tuple[list[_Block], bool]:
    """The starting models' rows, and whether each arm's row has its name."""
    groups = dict(list(seeds.groupby("start", sort=False)))
    blocks = []
    for start, group in groups.items():
        styles = {row["arm"]: method_style(row["method"]) for row in group.to_dict("records")}
        blocks.append(_Block(start, group, _named_rows(group), styles))
    fits = _ROW * sum(block.height for block in blocks) <= HEIGHT - _AROUND
    # Of more arms than there are styles, none is known without its name.
    if fits or max(len(block.styles) for block in blocks) > MOST_ARMS:
        return blocks, True
    for i, (start, group) in enumerate(groups.items()):
        styles = arm_styles(dict(zip(group["arm"], group["method"], strict=True)))
        blocks[i] = _Block(start, group, _unnamed_rows(group), styles)
    return blocks, False


def _named_rows(seeds: pd.DataFrame) -> dict[tuple[str, str], float]:
    """A row an arm, and over them the benchmark's name, which takes two."""
    rows: dict[tuple[str, str], float] = {}
    height = 0.0
    for benchmark, group in seeds.groupby("benchmark", sort=False):
        rows[benchmark, ""] = height + 0.3
        height += 1.4
        for arm in dict.fromkeys(group["arm"]):
            rows[benchmark, arm] = height
            height += 1
    return rows


def _unnamed_rows(seeds: pd.DataFrame) -> dict[tuple[str, str], float]:
    """A row an arm, and beside them the benchmark's name."""
    rows: dict[tuple[str, str], float] = {}
    height = 0.0
    for benchmark, group in seeds.groupby("benchmark", sort=False):
        arms = list(dict.fromkeys(group["arm"]))
        rows[benchmark, ""] = height + (len(arms) - 1) / 2
        rows |= {(benchmark, arm): height + i for i, arm in enumerate(arms)}
        height += len(arms) + 0.8
    return rows


def _panels(blocks: Sequence[_Block], named: bool) -> tuple[Figure, np.ndarray, float]:
    """A figure no higher than a page, its panels ``[starting models, metrics]``, and inches of a row."""
    heights = [block.height for block in blocks]
    row = min(_ROW if named else _LOW_ROW, (HEIGHT - _AROUND) / sum(heights))
    figure = Figure(figsize=(WIDTH, _AROUND + row * sum(heights)))
    grid = {"squeeze": False, "sharex": "col", "sharey": "row", "height_ratios": heights}
    return figure, figure.subplots(len(blocks), len(METRICS), **grid), row


def _draw(axis: Axes, means: pd.DataFrame, singles: pd.DataFrame, block: _Block, size: float) -> None:
    """One panel; ``size`` of a mean's marker in points."""
    axis.axvline(0, color="0.3", linewidth=0.9)
    for row in means.to_dict("records"):
        middle, low, high = (100 * row[key] for key in ("difference", "low", "high"))
        axis.errorbar(
            middle,
            block.rows[row["benchmark"], row["arm"]],
            xerr=[[middle - low], [high - middle]],
            **_marker(row, block),
            markersize=size,
            elinewidth=1.2,
            zorder=3,
        )
    for row in singles.to_dict("records"):
        height = block.rows[row["benchmark"], row["arm"]] + 0.33
        look = _marker(row, block) | {"markersize": size / 2, "markeredgewidth": 0.6}
        axis.plot(100 * row["difference"], height, **look)
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)


def _marker(row: Mapping[str, Any], block: _Block) -> dict[str, object]:
    """The arm's marker; hollow where the interval includes 0."""
    style = block.styles[row["arm"]]
    face = style["color"] if row["significant"] else "white"
    return {"marker": style["marker"], "color": style["color"], "markerfacecolor": face}


def _name_rows(axis: Axes, block: _Block, samples: int, named: bool, row: float) -> None:
    """Names of arms and benchmarks, smaller where rows are too low for them."""
    labels = arm_labels(dict(zip(block.seeds["arm"], block.seeds["method"], strict=True)))
    problems = dict(zip(block.seeds["benchmark"], block.seeds["problems"], strict=True))
    shown = {key: height for key, height in block.rows.items() if named or not key[1]}
    break_ = "\n" if row >= _LOW_ROW or not named else " "
    names = [
        labels[arm] if arm else f"{benchmark}{break_}({problems[benchmark]} problems × {samples})"
        for benchmark, arm in shown
    ]
    axis.set_yticks(list(shown.values()), names)
    axis.set_ylim(block.height - 0.7, -0.7)
    for text, (_, arm) in zip(axis.get_yticklabels(), shown, strict=True):
        text.set_fontweight("bold" if named and not arm else "normal")
        if named:
            text.set_fontsize(min(7, 0.75 * 72 * row))


def _explain(figure: Figure, blocks: Sequence[_Block], several_seeds: bool) -> None:
    """The legend: arms of ``blocks`` by their styles, and what filled, hollow and small markers say."""
    styles = {style["label"]: style for block in blocks for style in block.styles.values()}
    arms = [
        Line2D([], [], label=label, color=style["color"], marker=style["marker"], linestyle="none")
        for label, style in styles.items()
    ]
    look = {"color": "0.2", "marker": "o", "linestyle": "none"}
    handles = [
        Line2D([], [], label="interval excludes 0", **look),
        Line2D([], [], label="interval includes 0", markerfacecolor="white", **look),
    ]
    if several_seeds:
        handles.append(Line2D([], [], label="single seeds", markersize=2.5, **look))
    figure.legend(handles=arms + handles, loc="outside lower center", ncols=min(6, len(arms + handles)))

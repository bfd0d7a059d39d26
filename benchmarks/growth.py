"""How a cost grows as work grows: a chart of two series a panel, with the exponent of each fitted power."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator

from gdpo.reporting.style import WIDTH, method_style, use_style

Panel = tuple[Sequence[float], Mapping[str, Sequence[float]]]
"""Sizes of the work, and the cost at each size by the name of the series: ours, then the peer."""


def draw_growth(panels: Mapping[str, Panel], cost: str, chart: Path) -> None:
    """Write the chart, and print what is in it and the exponents.

    Args:
        panels: what grows -> its panel.
        cost: what is on the vertical axes, with its unit.
        chart: the PNG to write.
    """
    use_style()
    figure, axes = plt.subplots(
        1, len(panels), figsize=(WIDTH, 2.5), sharey=True, layout="constrained", squeeze=False
    )
    all_costs = [each for _, series in panels.values() for costs in series.values() for each in costs]
    within_a_decade = max(all_costs) < 10 * min(all_costs)
    ticks = (1, 1.5, 2, 3, 4, 5, 6, 8) if within_a_decade else (1, 2, 5)
    for axis, (label, (sizes, series)) in zip(axes[0], panels.items(), strict=True):
        for style, (name, costs) in zip(("gdpo", "grpo"), series.items(), strict=False):
            power = np.polyfit(np.log(sizes), np.log(costs), 1)[0]
            figures = [f"{each:,.0f}" if each >= 100 else f"{each:.3g}" for each in costs]
            points = ", ".join(f"{each} at {size:,.0f}" for size, each in zip(sizes, figures, strict=True))
            print(f"{name}: {cost} grow as ({label})^{power:.2f}: {points}")
            axis.loglog(sizes, costs, **method_style(style), label=f"{name}, exponent {power:.2f}")
        axis.set(xlabel=label)
        axis.set_xticks(sizes, [f"{size:,.0f}" if size < 1e5 else f"{size / 1e6:.1f} M" for size in sizes])
        axis.yaxis.set_major_locator(LogLocator(subs=ticks))
        axis.yaxis.set_major_formatter(lambda value, place: f"{value:,g}")
        axis.minorticks_off()
        axis.legend()
    axes[0][0].set(ylabel=cost)
    figure.savefig(chart)

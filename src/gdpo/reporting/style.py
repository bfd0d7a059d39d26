"""Colours, line styles and markers by method, and saving: the same in every figure."""

import os
from pathlib import Path

import matplotlib.style
import seaborn as sns
from matplotlib.figure import Figure

_COLORS = sns.color_palette("colorblind")
_ORDER = ["start", "grpo", "gdpo", "dgdo"]
LABELS = {"start": "starting model", "grpo": "GRPO", "gdpo": "GDPO", "dgdo": "DGDO"}
"""Method -> as written in a figure or table."""
_LINES = ["-", "--", "-", "-."]
_MARKERS = ["X", "o", "s", "D"]


def use_style() -> None:
    """Switch matplotlib to the project's style."""
    matplotlib.style.use(Path(__file__).with_name("gdpo.mplstyle"))


def method_style(method: str) -> dict[str, object]:
    """Colour, line style and marker of a method: three cues, so that grey print and any eye tell them apart."""
    i = _ORDER.index(method)
    color = ["0.35", _COLORS[0], _COLORS[1], _COLORS[2]][i]
    return {"color": color, "linestyle": _LINES[i], "marker": _MARKERS[i]}


def save(figure: Figure, png: str | Path, pdf: str | Path) -> None:
    """Write a figure as PNG and PDF; each appears whole or not at all."""
    for target in (Path(png), Path(pdf)):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.stem}.partial{target.suffix}")
        # No date in the file: the same data give the same bytes.
        metadata = {"CreationDate": None} if target.suffix == ".pdf" else None
        figure.savefig(partial, metadata=metadata)
        os.replace(partial, target)

"""Colours, line styles and markers by method, and saving: the same in every figure."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib.style
import seaborn as sns
from matplotlib.figure import Figure

import gdpo.advantage  # noqa: F401 - registers the methods
from gdpo.plugins import METHODS
from gdpo.whole_file import whole_file

WIDTH = 6.9
"""Inches: a figure over two columns of a paper."""
COLUMN = 3.3
"""Inches: a figure in one column of a paper."""
HEIGHT = 9.0
"""Inches: the highest figure that a paper's page holds, with its legend."""

_PALETTE = sns.color_palette("colorblind")
_STYLES = {
    "start": {"color": "0.35", "linestyle": "-", "marker": "X"},
    "grpo": {"color": _PALETTE[0], "linestyle": "--", "marker": "o"},
    "dr_grpo": {"color": _PALETTE[9], "linestyle": ":", "marker": "v"},
    "gdpo": {"color": _PALETTE[1], "linestyle": "-", "marker": "s"},
    "dgdo": {"color": _PALETTE[2], "linestyle": "-.", "marker": "D"},
    "other": {"color": _PALETTE[3], "linestyle": ":", "marker": "^"},
}
_NO_METHOD = {"start": "starting model", "other": "another tool's", "dr_grpo": "GRPO without std"}


def label_of(method: str) -> str:
    """A method as written in a figure or table; ``start`` and ``other`` are models without one."""
    return _NO_METHOD.get(method) or (METHODS[method].label if method in METHODS else method)


def use_style() -> None:
    """Switch matplotlib to the project's style."""
    matplotlib.style.use(Path(__file__).with_name("gdpo.mplstyle"))


MOST_ARMS = 10
"""More lines than this in one panel cannot be told apart: they are then drawn by method."""


def method_style(method: str) -> dict[str, object]:
    """Colour, line style and marker of a method: three cues, for grey print and for any eye."""
    return _broken_over_solid(_STYLES.get(method) or _plugin_style(method))


def _plugin_style(method: str) -> dict[str, object]:
    """Of a method that a plug-in brought: what our methods leave, in the order of names."""
    brought = sorted(set(METHODS) - set(_STYLES)) or [method]
    place = brought.index(method) if method in brought else len(brought)
    cues = {"linestyle": ["-", "--", "-.", ":"], "marker": ["P", "*", "<", ">", "p", "h"]}
    return {cue: values[place % len(values)] for cue, values in cues.items()} | {
        "color": _PALETTE[4 + place % 5]
    }


def _broken_over_solid(style: Mapping[str, object]) -> dict[str, object]:
    """Where lines coincide, a solid one under a broken one leaves both to be seen."""
    return dict(style) | {"zorder": 2 if style["linestyle"] == "-" else 2.5}


def arm_labels(arms: Mapping[str, str]) -> dict[str, str]:
    """Arm -> what it is called: by its method where each method has one arm, else by its own name.

    Args:
        arms: arm -> method.
    """
    by_method = len(set(arms.values())) == len(arms)
    return {arm: _label(arm, method) if by_method else arm for arm, method in arms.items()}


def _label(arm: str, method: str) -> str:
    return arm if method == "other" else label_of(method)


def arm_styles(arms: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Arm -> style with a ``label``: the method's own where each has one arm or there are too many of them.

    Args:
        arms: arm -> method.
    """
    if len(set(arms.values())) == len(arms) or len(arms) > MOST_ARMS:
        return {arm: method_style(method) | {"label": _label(arm, method)} for arm, method in arms.items()}
    cues = {"linestyle": ["-", "--", "-.", ":"], "marker": ["o", "s", "D", "v", "^", "P", "X"]}
    return {
        arm: _broken_over_solid({cue: values[i % len(values)] for cue, values in cues.items()})
        | {"color": _PALETTE[i % len(_PALETTE)], "label": arm}
        for i, arm in enumerate(arms)
    }


def model_styles(arms: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """As :func:`arm_styles`, for arms and the model they started from, which is always in grey.

    Args:
        arms: arm -> method; a starting model is an arm of method ``start``.
    """
    styles = arm_styles({arm: method for arm, method in arms.items() if method != "start"})
    start = method_style("start") | {"label": label_of("start")}
    return {arm: styles.get(arm, start) for arm in arms}


def reward_style(i: int) -> dict[str, object]:
    """Colour and line style of the i-th reward, other than any method's."""
    return {"color": _PALETTE[3 + i % 5], "linestyle": ["-", "--", "-.", ":"][i % 4]}


def save(figure: Figure, png: str | Path, pdf: str | Path) -> None:
    """Write a figure as PNG and PDF; each appears whole or not at all."""
    for target in (Path(png), Path(pdf)):
        # No date in the file: the same data give the same bytes.
        metadata = {"CreationDate": None} if target.suffix == ".pdf" else None
        with whole_file(target) as partial:
            figure.savefig(partial, metadata=metadata)

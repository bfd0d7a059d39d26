"""Sweeps: one run recipe, many values."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from gdpo.config.base import Section
from gdpo.config.run import content_hash

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A name that becomes part of a path."""


def _key_of_a_run(key: str) -> str:
    section, dot, below = key.partition(".")
    if key not in ("method", "model") and not (section in SECTIONS and dot and below):
        allowed = ", ".join(f"{section}.*" for section in SECTIONS)
        raise ValueError(f"not a key of a run; allowed: method, model, {allowed}")
    return key


MOST_POINTS = 1000
"""Most points of one sweep: each is a training, and three lists of 200 values would be eight million."""
SECTIONS = ("algorithm", "rewards", "training", "hardware", "verl")
Key = Annotated[str, AfterValidator(_key_of_a_run)]
"""A dotted key of a run: method, model, or one below a section."""
Values = Annotated[list[Any], Field(min_length=1)]


class Point(NamedTuple):
    """One point of a sweep."""

    label: str
    """What it is called in the run's name."""
    changes: dict[str, Any]
    """Dotted key -> value."""


class Sweep(Section):
    """Values to try; where several of grid, zip and points are given, every combination of theirs."""

    grid: dict[Key, Values] = {}
    """Key -> values; every combination is a run."""
    zip: dict[Key, Values] = {}
    """Key -> values, all of one length; the i-th values together are a run."""
    points: list[dict[Key, Any]] | dict[Name, dict[Key, Any]] = {}
    """Changes that belong together: a list, or name -> changes, where the name is what the run is called."""

    @model_validator(mode="after")
    def _not_empty_and_of_one_length(self) -> "Sweep":
        if not (self.grid or self.zip or self.points):
            raise ValueError("names no values; give grid, zip or points")
        lengths = {key: len(values) for key, values in self.zip.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"zip: lists must have one length; given: {lengths}")
        given = [*self.grid, *self.zip, *{key for point in self._named_points() for key in point.changes}]
        if twice := [key for key, count in Counter(given).items() if count > 1]:
            raise ValueError(f"{twice[0]} is given more than once")
        number = math.prod(map(len, self.grid.values())) * (len(self.points) or 1)
        number *= len(next(iter(self.zip.values()), [None]))
        if number > MOST_POINTS:
            raise ValueError(f"has {number} points, more than {MOST_POINTS}; leave some values out")
        return self

    def combinations(self) -> list[Point]:
        """Every point of the sweep, in the order written."""
        short = _short_names([*self.grid, *self.zip])
        axes = [
            [Point(_label(short[key], value), {key: value}) for value in values]
            for key, values in self.grid.items()
        ]
        if self.zip:
            rows = (dict(zip(self.zip, row, strict=True)) for row in zip(*self.zip.values(), strict=True))
            axes.append([Point("-".join(_label(short[k], v) for k, v in row.items()), row) for row in rows])
        if self.points:
            axes.append(self._named_points())
        return [_joined(combination) for combination in itertools.product(*axes)]

    def _named_points(self) -> list[Point]:
        if isinstance(self.points, Mapping):
            return [Point(name, changes) for name, changes in self.points.items()]
        short = _short_names({key for changes in self.points for key in changes})
        return [
            Point(
                "-".join(_label(short[key], value) for key, value in changes.items()) or "unchanged", changes
            )
            for changes in self.points
        ]


def _joined(points: tuple[Point, ...]) -> Point:
    changes = {key: value for point in points for key, value in point.changes.items()}
    return Point("-".join(point.label for point in points), changes)


def _short_names(keys: Any) -> dict[str, str]:
    """Each key's last part, or as many last parts as tell it from the others."""
    keys = list(keys)
    names = {}
    for key in keys:
        parts = key.split(".")
        for n in range(1, len(parts) + 1):
            tail = parts[-n:]
            if sum(other.split(".")[-n:] == tail for other in keys) == 1:
                break
        names[key] = "-".join(tail)
    return names


def _label(name: str, value: Any) -> str:
    """``beta0.5``, ``variant-published``, ``invert-true``; a list or map by four digits of its hash."""
    if isinstance(value, bool) or value is None:
        return f"{name}-{str(value).lower()}"
    if isinstance(value, int | float):
        return f"{name}{value:g}" if float(f"{value:g}") == value else f"{name}{value!r}"
    if isinstance(value, str):
        text = re.sub(r"[^A-Za-z0-9._-]+", "_", value)
        return text if name in ("method", "model") else f"{name}-{text}"
    return f"{name}-{content_hash(value)[:4]}"

"""A problem as rewards, graders and metrics see it."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

MATH = "math"
"""The grader of problems that name none."""
ROW = "row"
"""Key of ``extra_info``: further columns of the problem's row, as JSON."""


class Gold(NamedTuple):
    """What a right answer is."""

    answers: tuple[str, ...]
    """Plain text or LaTeX; at least one."""
    several: Literal["any", "all"] = "any"
    """Of several answers: any one is right (and all of them together), or only all of them, in any order."""
    tolerance: float | None = None
    """Largest absolute difference of a numerical answer (OlympiadBench's ``error``)."""
    unit: str | None = None
    """Unit of the answer; an answer may state it or leave it out."""

    @classmethod
    def of(cls, reward_model: Mapping[str, Any]) -> "Gold":
        """The gold of a problem set's ``reward_model`` column."""
        several, tolerance, unit = (reward_model.get(key) for key in ("several", "tolerance", "unit"))
        return cls(tuple(reward_model["ground_truth"]), several or "any", tolerance, unit)


class Problem(NamedTuple):
    """One problem of a problem set."""

    id: str
    prompt: Sequence[Mapping[str, str]]
    """Messages, each with ``role`` and ``content``."""
    gold: Gold
    """What a right answer is."""
    extra_info: Mapping[str, Any]
    """What the problem set says beside it: id, split, family, ..."""
    grader: str = MATH
    """Who says whether a response is right."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Problem":
        """The problem of a row in veRL's columns, from a file or (``raw_prompt``) from veRL's dataset."""
        prompt = row["raw_prompt"] if "raw_prompt" in row else row["prompt"]
        extra = row["extra_info"]
        grader = row["reward_model"].get("grader") or MATH
        return cls(extra["id"], list(prompt), Gold.of(row["reward_model"]), extra, grader)

    @property
    def question(self) -> str:
        """What the user asks: the content of the last message."""
        return self.prompt[-1]["content"]

    @property
    def row(self) -> Mapping[str, Any]:
        """Further columns of its dataset's row (``datasets.<name>.columns.row``)."""
        return _parsed(self.extra_info.get(ROW) or "{}")


@lru_cache(4096)
def _parsed(text: str) -> Mapping[str, Any]:
    return json.loads(text)

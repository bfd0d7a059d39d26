"""Problem sets from real maths files (DeepScaleR's JSON) in a local mirror."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field

from gdpo.config.base import Section

MIRROR = "GDPO_DATA_MIRROR"
"""Environment variable: the folder that holds the files."""


class MathFileProblems(Section):
    """A named set of problems from one JSON file: a list of ``{problem, answer, ...}``."""

    source: Literal["math-file"]
    """Where the problems come from."""

    file: str = Field(pattern=r"^[\w.-]+\.json$")
    """File name in the folder that GDPO_DATA_MIRROR names."""

    size: int | None = Field(default=None, ge=1)
    """Only the first so many usable problems; none: all of them."""

    max_characters: int | None = Field(default=None, ge=1)
    """Leave out longer problem texts, and count them; none: no limit."""

    suffix: str = r"Let's think step by step and output the final answer within \boxed{}."
    """Appended to each problem (the published prompt)."""

    @staticmethod
    def mirror() -> Path | None:
        """The mirror folder, or None where the environment names none."""
        folder = os.environ.get(MIRROR)
        return Path(folder) if folder else None

    def path(self) -> Path:
        """The file in the mirror."""
        return (self.mirror() or Path()) / self.file

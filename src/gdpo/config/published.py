"""Published figures, each with its source."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, TypeAdapter

from gdpo.config.base import Section


class PublishedFigure(Section):
    """One figure that somebody has published."""

    model: str
    """Starting model, as experiments name it."""
    method: Literal["start", "grpo", "gdpo", "dgdo"]
    """Method; start: no RL."""
    benchmark: str
    """Benchmark, as experiments name it."""
    metric: Literal["accuracy", "exceed"]
    """Average pass@1, or the share of responses over the length limit."""
    value: float = Field(ge=0, le=1)
    """Share from 0 to 1."""
    source: str = Field(min_length=1)
    """Where it is published."""


def read_published(path: Path | str) -> list[PublishedFigure]:
    """Read a file of published figures.

    Raises:
        pydantic.ValidationError: an entry without a source, or with an unknown key or value.
    """
    return TypeAdapter(list[PublishedFigure]).validate_python(yaml.safe_load(Path(path).read_text()))

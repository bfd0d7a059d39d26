"""Published figures: one file a table, with its source."""

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import yaml
from pydantic import Field

from gdpo.config.base import Section

Percent = Annotated[float, Field(ge=0, le=100)]
Method = Literal["start", "grpo", "gdpo", "dgdo"]


class PublishedFigure(NamedTuple):
    """One published figure."""

    model: str
    """Starting model, as experiments name it."""
    method: str
    """Method; start: no RL."""
    length: str
    """Length reward of the trained arms: plain or conditioned, of weight 1."""
    benchmark: str
    """Benchmark, as experiments name it."""
    metric: str
    """accuracy (average pass@1) or exceed (share of responses over the length limit)."""
    value: float
    """Share from 0 to 1."""
    source: str
    """Where it is published."""


class PublishedTable(Section):
    """One published table."""

    source: str = Field(min_length=1)
    """Where it is published."""
    length: Literal["plain", "conditioned"]
    """Length reward of its trained arms, of weight 1; a starting model has none and fits either."""
    figures: dict[str, dict[Method, dict[str, tuple[Percent, Percent]]]] = Field(min_length=1)
    """Starting model -> method -> benchmark -> accuracy and exceed in percent."""

    def entries(self) -> list[PublishedFigure]:
        """Every figure on its own, as a share, in the table's order."""
        return [
            PublishedFigure(model, method, self.length, benchmark, metric, percent / 100, self.source)
            for model, methods in self.figures.items()
            for method, benchmarks in methods.items()
            for benchmark, pair in benchmarks.items()
            for metric, percent in zip(("accuracy", "exceed"), pair, strict=True)
        ]


def read_published(path: Path | str) -> list[PublishedFigure]:
    """Read a published table as single figures.

    Raises:
        pydantic.ValidationError: a table without a source, an unknown key or method, a value that is no
            percentage; the error names the place, e.g. ``figures.<model>.gdpo.aime24``.
    """
    return PublishedTable.model_validate(yaml.safe_load(Path(path).read_text())).entries()

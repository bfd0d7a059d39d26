"""Published figures: one file a table, with its source."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import yaml
from pydantic import Field, model_validator

from gdpo.config.base import Section

Percent = Annotated[float, Field(ge=0, le=100)]
Method = Literal["start", "grpo", "dr_grpo", "gdpo", "dgdo"]


class PublishedFigure(NamedTuple):
    """One published figure."""

    model: str
    """Starting model, as experiments name it."""
    method: str
    """Method; start: no RL, dr_grpo: GRPO without the standard deviation."""
    length: str
    """Length reward of the trained arms: plain or conditioned, of weight 1; empty: none; ``conditioned +
    bug``: with a bug reward beside it."""
    benchmark: str
    """Benchmark, as experiments name it."""
    metric: str
    """accuracy (average pass@1), exceed (share of responses over the length limit), format, ..."""
    value: float
    """Share from 0 to 1."""
    source: str
    """Where it is published."""


class PublishedTable(Section):
    """One published table."""

    source: str = Field(min_length=1)
    """Where it is published."""
    length: Literal["plain", "conditioned", "none"]
    """Length reward of its trained arms, of weight 1; a starting model has none and fits each."""
    bug: bool = False
    """Whether its trained arms have a bug reward as well."""
    metrics: list[str] = Field(default=["accuracy", "exceed"], min_length=1)
    """What each list of figures is of."""
    figures: dict[str, dict[Method, dict[str, list[Percent | None]]]] = Field(min_length=1)
    """Starting model -> method -> benchmark -> its figures in percent, in the order of metrics, or null."""

    @model_validator(mode="after")
    def _a_figure_a_metric(self) -> "PublishedTable":
        for place, percents in self._lists():
            if len(percents) != len(self.metrics):
                raise ValueError(
                    f"figures.{'.'.join(place)}: {len(percents)} figures for the metrics "
                    f"{', '.join(self.metrics)}"
                )
        return self

    def _lists(self) -> Iterator[tuple[tuple[str, str, str], list[float | None]]]:
        """(model, method, benchmark) and the figures there."""
        for model, methods in self.figures.items():
            for method, benchmarks in methods.items():
                for benchmark, percents in benchmarks.items():
                    yield (model, method, benchmark), percents

    def entries(self) -> list[PublishedFigure]:
        """Every figure on its own, as a share, in the table's order."""
        length = ("" if self.length == "none" else self.length) + (" + bug" if self.bug else "")
        return [
            PublishedFigure(model, method, length, benchmark, metric, percent / 100, self.source)
            for (model, method, benchmark), percents in self._lists()
            for metric, percent in zip(self.metrics, percents, strict=True)
            if percent is not None
        ]


def read_published(path: Path | str) -> list[PublishedFigure]:
    """Read a published table as single figures.

    Raises:
        pydantic.ValidationError: a table without a source, an unknown key or method, a value that is no
            percentage; the error names the place, e.g. ``figures.<model>.gdpo.aime24``.
    """
    return PublishedTable.model_validate(yaml.safe_load(Path(path).read_text())).entries()

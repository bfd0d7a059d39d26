"""The evaluation section: how models are sampled and what is counted."""

from pydantic import Field, PositiveFloat, PositiveInt

from gdpo.config.base import Section, later
from gdpo.config.sampling import Sampling
from gdpo.config.sweep import Name


class Outputs(Section):
    """Another tool's outputs, judged and shown beside ours (docs/evaluation.md)."""

    generations: dict[Name, str] = Field(min_length=1)
    """Benchmark -> file of generations (JSON lines or parquet); every benchmark of the experiment."""
    start: Name
    """Entry of models that the outputs' model started from, which it is compared with."""
    tokenizer: str | None = None
    """Hugging Face folder whose tokenizer counts tokens where the files do not say; none: they do."""


class EvaluationConfig(Section):
    """How every model is judged on every benchmark."""

    sampling: Sampling = Sampling()
    """Samples a problem and how they are drawn."""
    outputs: dict[Name, Outputs] = {}
    """Name -> another tool's outputs that enter the same tables and figures."""
    metrics: list[str] = later([])
    """Metrics that tables have beside the usual ones: of programs, pass_rate and bug; a plug-in's."""
    shown: list[str] = later(["accuracy", "exceed"], min_length=1)
    """Metrics of the paper's table, the ablations and the comparisons: the usual ones, or of ``metrics``."""
    weights: dict[Name, dict[Name, PositiveFloat]] = later({})
    """Benchmark of several datasets -> dataset -> weight of its own mean in the benchmark's, for each of
    them; none: every problem counts the same."""
    length_limit: PositiveInt | None = None
    """Response-length limit l in tokens; none: the limit of the length reward."""
    resamples: int = Field(default=10_000, ge=100)
    """Bootstrap resamples of the problems."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Level of the intervals."""

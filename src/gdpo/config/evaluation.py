"""The evaluation section: how models are sampled and what is counted."""

from pydantic import Field, PositiveInt

from gdpo.config.base import Section
from gdpo.config.sampling import Sampling


class EvaluationConfig(Section):
    """How every model is judged on every benchmark."""

    sampling: Sampling = Sampling()
    """Samples a problem and how they are drawn."""
    length_limit: PositiveInt | None = None
    """Response-length limit l in tokens; none: the limit of the length reward."""
    resamples: int = Field(default=10_000, ge=100)
    """Bootstrap resamples of the problems."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Level of the intervals."""

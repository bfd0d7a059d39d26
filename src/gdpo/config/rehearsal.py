"""What a rehearsal's stand-in for one model is made from, and what of the real run is looked at with it."""

from pydantic import Field

from gdpo.config.base import Section
from gdpo.config.datasets import DatasetProblems
from gdpo.config.memory import ModelShape
from gdpo.config.models import Weights
from gdpo.config.sweep import Name


class StandIn(Section):
    """One model of a rehearsal."""

    weights: Weights
    """Where the real model comes from."""
    shape: ModelShape | None = None
    """What the recipe says of its size."""
    limit: int
    """Limit of response length in the rehearsal, in tokens."""
    longest: int
    """Longest response in the rehearsal, in tokens."""
    max_prompt_length: int
    """Of the real trainings, in tokens."""
    max_response_length: int
    """Of the real trainings, in tokens."""
    max_tokens: int
    """Longest response of the real evaluation, in tokens."""
    sets: dict[Name, DatasetProblems | None] = Field(min_length=1)
    """Problem sets of the real experiment, ``train`` among them; none: one that is made here."""

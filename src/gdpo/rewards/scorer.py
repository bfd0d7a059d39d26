"""All rewards of a run, by name."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gdpo.grading import Gold
from gdpo.rewards.functions import REWARDS
from gdpo.rewards.response import grade_responses


class RewardSpec(NamedTuple):
    """One named reward of a run."""

    function: str
    weight: float
    options: dict[str, Any]


class Scorer:
    """Grades each response once and gives every named reward of it. Picklable; holds no model and no state.

    Args:
        specs: reward name -> function name in :data:`REWARDS`, weight and options.

    Raises:
        KeyError: a function that does not exist.
    """

    def __init__(self, specs: Mapping[str, RewardSpec]):
        self.specs = dict(specs)
        self._functions = {name: REWARDS[spec.function] for name, spec in self.specs.items()}

    def __call__(
        self, texts: Sequence[str], n_tokens: Sequence[int], golds: Sequence[Gold]
    ) -> list[dict[str, float]]:
        """Name -> value for each response, in order; safe to call from any thread.

        Args:
            texts: responses, decoded without special tokens.
            n_tokens: response lengths in tokens, the end-of-sequence token included.
            golds: what is right.
        """
        return [
            {
                name: float(function(response, **self.specs[name].options))
                for name, function in self._functions.items()
            }
            for response in grade_responses(texts, n_tokens, golds)
        ]

    def total(self, rewards: Mapping[str, float]) -> float:
        """The weighted sum of the named rewards (what GRPO sees, and ``train/reward``)."""
        return sum(self.specs[name].weight * value for name, value in rewards.items())

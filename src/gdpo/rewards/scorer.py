"""All rewards of a run, by name, for one response."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gdpo.rewards.functions import REWARDS
from gdpo.rewards.response import grade_response


class RewardSpec(NamedTuple):
    """One named reward of a run."""

    function: str
    weight: float
    options: dict[str, Any]


class Scorer:
    """Grades a response once and gives every named reward of it. Picklable; holds no model and no state.

    Args:
        specs: reward name -> function name in :data:`REWARDS`, weight and options.

    Raises:
        KeyError: a function that does not exist.
    """

    def __init__(self, specs: Mapping[str, RewardSpec]):
        self.specs = dict(specs)
        self._functions = {name: REWARDS[spec.function] for name, spec in self.specs.items()}

    def __call__(self, text: str, n_tokens: int, gold: str) -> dict[str, float]:
        """Name -> value for one response: ``text`` decoded without special tokens, ``n_tokens`` with eos."""
        response = grade_response(text, n_tokens, gold)
        return {
            name: float(function(response, **self.specs[name].options))
            for name, function in self._functions.items()
        }

    def total(self, rewards: Mapping[str, float]) -> float:
        """The weighted sum of the named rewards (what GRPO sees, and ``train/reward``)."""
        return sum(self.specs[name].weight * value for name, value in rewards.items())

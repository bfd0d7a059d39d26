"""The rewards section: which functions, with what weight and options, under which name."""

import inspect
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from gdpo.config.base import Section
from gdpo.rewards import CONSTANT, REWARDS
from gdpo.rewards.scorer import RewardSpec


class RewardConfig(Section):
    """One named reward."""

    function: str | None = None
    """Function in gdpo.rewards; by default the one of the reward's own name."""
    weight: float = Field(default=1.0, allow_inf_nan=False)
    """Weight in the sum over rewards: of raw rewards in GRPO, of normalised ones in GDPO and DGDO."""
    options: dict[str, Any] = {}
    """Keyword options of the function, e.g. {limit: 24} (tokens) for length."""
    constant: bool = False
    """Train also where the reward must be the same for every response; else that is an error."""


@cache
def options_model(function: str) -> type[BaseModel]:
    """A closed pydantic model of a reward function's keyword options, made from its signature."""
    parameters = list(inspect.signature(REWARDS[function]).parameters.values())[1:]
    fields = {
        p.name: (p.annotation, ... if p.default is inspect.Parameter.empty else p.default) for p in parameters
    }
    # Strict: the function gets the values as they are written, and 24 tokens are not "24".
    config = ConfigDict(extra="forbid", strict=True)
    return create_model(f"{function}_options", __config__=config, **fields)


class RewardsConfig(Section):
    """The named rewards of a run."""

    rewards: dict[str, RewardConfig] = Field(min_length=1)
    """Reward name -> function, weight, options. At least one."""

    @model_validator(mode="after")
    def _known_functions_and_options(self) -> "RewardsConfig":
        for name, reward in self.rewards.items():
            function = reward.function or name
            if function not in REWARDS:
                close = get_close_matches(function, REWARDS, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                raise ValueError(
                    f"rewards.{name}: no reward function {function!r}; known: {sorted(REWARDS)}{hint}"
                )
            options_model(function)(**reward.options)
        return self

    def check_varying(self, max_tokens: int) -> None:
        """Refuse a reward that must be the same for every response, unless its config says that it may.

        Args:
            max_tokens: length of the longest response of a training.

        Raises:
            ValueError: it names the reward, and says why and what to change.
        """
        for name, reward in self.rewards.items():
            why = CONSTANT.get(reward.function or name)
            if why is None or reward.constant or (reason := why(max_tokens, **reward.options)) is None:
                continue
            raise ValueError(
                f"rewards.{name}: cannot teach: {reason.replace('<name>', name)}. "
                f"rewards.{name}.constant: true trains with it as it is"
            )

    def specs(self) -> dict[str, RewardSpec]:
        """The same as plain values, for :class:`gdpo.rewards.Scorer`."""
        return {n: RewardSpec(r.function or n, r.weight, dict(r.options)) for n, r in self.rewards.items()}

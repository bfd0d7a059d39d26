"""The rewards section: which functions, with what weight, options and condition, under which name."""

from difflib import get_close_matches
from typing import Any

from pydantic import Field, ValidationError, model_validator

from gdpo.config.base import Section, later
from gdpo.config.errors import config_error
from gdpo.plugins import REWARDS
from gdpo.plugins.kinds import range_problem
from gdpo.plugins.options import options_given, options_model
from gdpo.plugins.registry import Place
from gdpo.rewards.scorer import Condition, RewardSpec, order_of


class RewardCondition(Section):
    """A reward counts only where another one is high enough, else it is 0 (GDPO paper, eq. 8)."""

    reward: str
    """Name of another reward of the run."""
    at_least: float = Field(default=1.0, allow_inf_nan=False)
    """What that one must be at least."""


class RewardConfig(Section):
    """One named reward."""

    function: str | None = None
    """Reward function, the package's or a plug-in's; by default the one of the reward's own name."""
    weight: float = Field(default=1.0, allow_inf_nan=False)
    """Weight in the sum over rewards: of raw rewards in GRPO, of normalised ones in GDPO and DGDO."""
    options: dict[str, Any] = {}
    """Keyword options of the function, e.g. {limit: 24} (tokens) for length."""
    conditioned_on: RewardCondition | None = later(None)
    """Only where another reward is high enough, e.g. {reward: correctness, at_least: 1}; none: always."""
    constant: bool = False
    """Train also where the reward must be the same for every response; else that is an error."""


class RewardsConfig(Section):
    """The named rewards of a run."""

    rewards: dict[str, RewardConfig] = Field(min_length=1)
    """Reward name -> function, weight, options, condition. At least one."""

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
            entry = REWARDS[function]
            try:
                given = options_given(entry.function, reward.options)
            except ValidationError as error:
                key, model = f"rewards.{name}.options", options_model(entry.function)
                raise ValueError(
                    str(config_error(error, model, lambda below, key=key: f"{key}.{below}"))
                ) from error
            if problem := range_problem(entry, given):
                raise ValueError(f"rewards.{name}: {problem}; mend {Place.of(entry.function)}")
            bounds = entry.bounds(given)
            if reward.conditioned_on and bounds and bounds[1] <= 0:
                raise ValueError(
                    f"rewards.{name}.conditioned_on: the reward is at most {bounds[1]:g}, and 0 where the "
                    "condition fails: failing would be rewarded; give a reward that is above 0"
                )
        order_of(self.specs())
        return self

    def check_varying(self, max_tokens: int) -> None:
        """Refuse a reward that must be the same for every response, unless its config says that it may.

        Args:
            max_tokens: length of the longest response of a training.

        Raises:
            ValueError: it names the reward, and says why and what to change.
        """
        specs = self.specs()
        for name, reward in self.rewards.items():
            spec = specs[name]
            reason = REWARDS[spec.function].why_constant(max_tokens, spec.options)
            if reward.constant or reason is None:
                continue
            raise ValueError(
                f"rewards.{name}: cannot teach: {reason.replace('<name>', name)}. "
                f"rewards.{name}.constant: true trains with it as it is"
            )

    def specs(self) -> dict[str, RewardSpec]:
        """The same as plain values, for :class:`gdpo.rewards.Scorer`."""
        return {
            name: RewardSpec(
                reward.function or name,
                reward.weight,
                options_given(REWARDS[reward.function or name].function, reward.options),
                Condition(*reward.conditioned_on.model_dump().values()) if reward.conditioned_on else None,
            )
            for name, reward in self.rewards.items()
        }

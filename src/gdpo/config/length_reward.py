"""The length reward of each arm: what published figures are matched by, and the sweep of its weight."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from gdpo.config.rewards import RewardsConfig
from gdpo.config.runs import Run
from gdpo.rewards.scorer import RewardSpec

KINDS = {"length": "plain", "conditioned_length": "conditioned"}
"""Reward function -> what the paper calls it."""
RIGHT = ("correctness", "pass_rate")
"""Reward functions that are 1 for right responses alone."""


class LengthReward(NamedTuple):
    """A run's length reward."""

    name: str
    """Its name among the run's rewards."""
    kind: str
    """plain or conditioned."""
    weight: float

    def __str__(self) -> str:
        """``plain``, or with a weight other than 1 ``plain x 0.5``."""
        return self.kind if self.weight == 1 else f"{self.kind} x {self.weight:g}"


def length_reward(config: RewardsConfig) -> LengthReward | None:
    """The one length reward of a run; None where it has none or several."""
    found = [
        LengthReward(name, _kind(config, spec), spec.weight)
        for name, spec in config.specs().items()
        if spec.function in KINDS
    ]
    return found[0] if len(found) == 1 else None


def _kind(config: RewardsConfig, spec: RewardSpec) -> str:
    """The paper's word; a plain reward that counts only for right responses is the conditioned one."""
    condition = spec.condition
    if condition and config.specs()[condition.reward].function in RIGHT and condition.at_least == 1:
        return "conditioned"
    return KINDS[spec.function] if condition is None else f"{KINDS[spec.function]} on {condition.reward}"


def published_as(config: RewardsConfig) -> str:
    """What published figures tell a run's rewards apart by: its length reward, and a bug reward beside it."""
    length = str(length_reward(config) or "")
    bug = any(spec.function == "bug" for spec in config.specs().values())
    return f"{length} + bug" if bug else length


def weight_sweep(runs: Iterable[Run]) -> dict[str, LengthReward]:
    """Arm -> its length reward, for arms that differ from others in the weight of that reward.

    Arms belong together that differ in nothing but the length reward's kind and weight; they are a sweep
    where one kind has at least two weights. Of several sweeps of a method and starting model, the first;
    other arms are left out.
    """
    arms = {run.arm: run for run in runs}
    families: dict[str, dict[str, LengthReward]] = {}
    for arm, run in arms.items():
        if reward := length_reward(run.config):
            families.setdefault(_all_else(run, reward.name), {})[arm] = reward
    first: dict[tuple[str, str], dict[str, LengthReward]] = {}
    for family in filter(_is_sweep, families.values()):
        run = arms[next(iter(family))]
        first.setdefault((run.model, run.config.method), family)
    return {arm: reward for family in first.values() for arm, reward in family.items()}


def _is_sweep(family: dict[str, LengthReward]) -> bool:
    """Whether one kind has two weights: then there are more pairs of both than kinds."""
    different = {(reward.kind, reward.weight) for reward in family.values()}
    return len(different) > len({kind for kind, _ in different})


def _all_else(run: Run, name: str) -> str:
    """The run's config without its seed, and of its length reward the options only."""
    rest = {key: value for key, value in run.resolved.items() if key not in ("seed", "rewards")}
    rewards = dict(run.resolved["rewards"])
    options = rewards.pop(name)["options"]
    return json.dumps([run.model, rest, rewards, options], sort_keys=True)

"""Watches for rewards that vary in no group, while a run trains."""

from collections.abc import Callable, Mapping
from pathlib import Path

from gdpo.config.run import RunConfig
from gdpo.rewards import RewardError
from gdpo.statistics.constant_rewards import STEPS, zero_std_share
from gdpo.step_log import newest_steps


class ConstantRewards:
    """Says it, or stops, when a reward has varied in no group for ``STEPS`` steps in a row.

    Args:
        run: its rewards, and what to do (``training.constant_rewards``). A reward that may be constant by
            its own config is not watched.
        folder: the run's checkpoint folder, whose step log knows the steps before an interruption.
        say: prints a line on the terminal.
    """

    def __init__(self, run: RunConfig, folder: Path, say: Callable[[str], None]):
        self._stop, self._say = run.training.constant_rewards == "stop", say
        before = newest_steps(folder, STEPS)
        self._constant: dict[str, int] = {}
        for name, reward in run.rewards.items():
            if not reward.constant:
                varied = (i for i, row in enumerate(before) if row.get(zero_std_share(name)) != 1)
                self._constant[name] = next(varied, len(before))

    def update(self, metrics: Mapping[str, float]) -> None:
        """Look at one more step's metrics.

        Raises:
            RewardError: a reward did not vary for too long, and ``constant_rewards`` is stop.
        """
        for name, steps in self._constant.items():
            self._constant[name] = steps + 1 if metrics.get(zero_std_share(name)) == 1 else 0
            if self._constant[name] != STEPS:
                continue
            mean = metrics[f"reward/{name}/mean"]
            problem = (
                f"reward {name} has varied in no group for {STEPS} steps (it is {mean:g} on average): "
                "it teaches nothing"
            )
            if self._stop:
                raise RewardError(f"{problem}; training.constant_rewards is stop")
            self._say(problem)

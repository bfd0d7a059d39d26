"""Rewards that varied in no group of responses, from the steps' metrics: such a reward teaches nothing."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

STEPS = 10
"""Steps in a row after which it is said."""


def zero_std_share(reward: str) -> str:
    """The metric: share of a step's groups in which the reward does not vary."""
    return f"reward/{reward}/zero_std_share"


def constant_stretches(
    rows: Sequence[Mapping[str, float]], rewards: Iterable[str]
) -> list[tuple[str, int, int]]:
    """(reward, first step, last step) of every stretch of at least ``STEPS`` steps without variation.

    Args:
        rows: one a step in order: ``step`` and its metrics.
        rewards: names of the run's rewards.
    """
    found = []
    for reward in rewards:
        for constant, stretch in groupby(rows, key=lambda row: row.get(zero_std_share(reward)) == 1):
            steps = [int(row["step"]) for row in stretch]
            if constant and len(steps) >= STEPS:
                found.append((reward, steps[0], steps[-1]))
    return found

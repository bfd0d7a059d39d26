"""What a figure of a plug-in draws from."""

from typing import NamedTuple

import pandas as pd


class Study(NamedTuple):
    """An experiment's results, as tables."""

    name: str
    arms: pd.DataFrame
    """One row an arm and benchmark: every metric, with ``_low`` and ``_high``; arm, method, start."""
    models: pd.DataFrame
    """The same, one row a model (a run, or a starting model): run, config, arm, method, start."""
    paired: pd.DataFrame
    """One row a paired comparison, benchmark and metric: difference, low, high, p_value."""
    training: pd.DataFrame
    """One row a run and step: veRL's metrics and ours, by their names; run, arm, method, start, seed."""
    rewards: list[str]
    """Names of the rewards."""
    limit: int
    """Response-length limit, in tokens."""

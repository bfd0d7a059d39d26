"""What a step tells about its rewards and advantages, by the names logged to W&B."""

import math
from collections.abc import Mapping

from gdpo.advantage.batch import RewardBatch, Step

REWARD_METRICS = ("mean", "std", "min", "max", "zero_std_share", "nonfinite")


def summarize(batch: RewardBatch, step: Step, weights: Mapping[str, float] | None) -> dict[str, float]:
    """Metrics of one batch as plain floats. Every std has ddof 1; non-finite rewards are skipped.

    * ``reward/<name>/{mean,std,min,max}``: the raw rewards of the batch;
    * ``reward/<name>/zero_std_share``: share of groups in which this reward does not vary;
    * ``reward/<name>/nonfinite``: number of responses whose reward is not finite;
    * ``advantage/<name>/{mean,std}``: this reward's term of the sum, weights included, before the batch is
      normalised; its std says how much of the advantage the reward makes;
    * ``train/reward``: ``sum_k w_k`` times the mean reward ``k``;
    * ``train/advantage``: mean |advantage| over responses (the mean itself is 0 by construction);
    * ``train/dead_group_share``: share of groups in which no reward varies.
    """
    means, stds = batch.mean_std(batch.values)
    lows = batch.values.where(batch.finite, math.inf).amin(1)
    highs = batch.values.where(batch.finite, -math.inf).amax(1)
    still = 1 - batch.varies.double().mean(1)
    nonfinite = (~batch.finite).sum(1)
    columns = (means, stds, lows, highs, still, nonfinite, *batch.mean_std(step.terms))
    table = zip(*(column.double().tolist() for column in columns), strict=True)
    metrics = {
        "train/reward": float(batch.column(weights).squeeze(1) @ means),
        "train/advantage": float(step.advantages.abs().mean()),
        "train/dead_group_share": float(1 - batch.varies.any(0).double().mean()),
    }
    for name, (*reward, advantage_mean, advantage_std) in zip(batch.names, table, strict=True):
        metrics |= {f"reward/{name}/{key}": value for key, value in zip(REWARD_METRICS, reward, strict=True)}
        metrics |= {f"advantage/{name}/mean": advantage_mean, f"advantage/{name}/std": advantage_std}
    return metrics | (step.metrics or {})

"""A batch of named rewards, checked, with the group statistics that every method and metric starts from.

The policy for rewards that are not finite, for all methods:

* a reward that is NaN, infinite or too large for float32 is left out of that reward's group statistics, and
  the response gets 0 for that reward: it neither gains nor loses by it. Its other rewards count as usual;
* a response with no finite reward at all gets the advantage 0 and is left out of the batch statistics;
* they are counted for each reward (metric ``reward/<name>/nonfinite``), and a share above
  ``max_nonfinite_share`` of a batch is an error that names the reward.

So a NaN never spreads. TRL (``multi_objective_aggregation="normalize_then_sum"``) treats NaN the same way and
stops at nothing; veRL 0.9.1 turns the whole batch into NaN.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gdpo.advantage.checks import AdvantageError, check_named_numbers, check_names, check_number
from gdpo.advantage.groups import Groups, index_groups

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LARGEST_SHARE = 1 - 1e-9  # a reward must keep at least one finite value, or it has no mean to report


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """What every method is told about its rewards."""

    weights: dict[str, float] | None = None
    """Weight of each reward by name, any finite number; a map names every reward. None: 1 for each."""
    max_nonfinite_share: float = 0.1
    """Share of the responses of a batch, in [0, 1), that may have a non-finite value of one reward."""

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_named_numbers(f"{owner}.weights", self.weights, "finite numbers")
        share = "a share of the batch, 0 or more and below 1"
        check_number(f"{owner}.max_nonfinite_share", self.max_nonfinite_share, share, 0, LARGEST_SHARE)

    def check_rewards(self, names: Iterable[str]) -> None:
        """Raise :class:`AdvantageError` unless this config fits the rewards ``names``.

        Every step does this; a trainer calls it once before training starts.
        """
        if self.weights is not None:
            check_names(f"{type(self).__name__}.weights", self.weights, names)


@dataclass(frozen=True)
class RewardBatch:
    """K named rewards of N responses in G groups, with statistics of each group. All numbers are float64."""

    names: tuple[str, ...]
    """The K reward names, in the order of the first axis of every tensor here."""
    groups: Groups
    values: Tensor
    """[K, N] rewards; 0 where not finite."""
    finite: Tensor
    """[K, N] whether the reward is finite."""
    scorable: Tensor
    """[N] whether any reward of the response is finite."""
    counts: Tensor
    """[K, G] finite rewards of each group."""
    means: Tensor
    """[K, G] mean of the finite rewards of each group."""
    deviations: Tensor
    """[K, N] reward minus its group's mean; 0 where not finite, and exactly 0 where the group agrees."""
    squares: Tensor
    """[K, G] sum of the squared deviations of each group."""
    varies: Tensor
    """[K, G] whether the finite rewards of the group differ."""
    dtype: torch.dtype
    """What the rewards promote to, float32 at least: the type in which advantages are returned."""

    @property
    def stds(self) -> Tensor:
        """[K, G] standard deviation (ddof 1) in each group; 0 where fewer than 2 rewards are finite."""
        return (self.squares / (self.counts - 1).clamp(min=1)).sqrt()

    def column(self, numbers: Mapping[str, float] | None) -> Tensor:
        """[K, 1] named numbers in this batch's order; 1 for each where there are none."""
        ordered = [1.0 if numbers is None else numbers[name] for name in self.names]
        return self.values.new_tensor(ordered).unsqueeze(1)

    def mean_std(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """[K, N] -> two [K]: mean and standard deviation (ddof 1) over the responses with a finite reward."""
        counts = self.finite.sum(1).clamp(min=1)
        means = values.where(self.finite, 0.0).sum(1) / counts
        squares = (values - means.unsqueeze(1)).where(self.finite, 0.0).square().sum(1)
        return means, (squares / (counts - 1).clamp(min=1)).sqrt()


class Step(NamedTuple):
    """What a method makes of a batch, before it is put into the caller's type."""

    terms: Tensor
    """[K, N] each reward's term of the sum that the advantage is made from."""
    advantages: Tensor
    """[N] float64, one a response."""
    state: object | None = None
    """What the next step needs, for a method that keeps any."""
    metrics: dict[str, float] | None = None
    """The method's own metrics, by their W&B names."""


def read_batch(
    rewards: Mapping[str, Tensor],
    groups: Sequence[Hashable] | Tensor,
    max_nonfinite_share: float = 1.0,
) -> RewardBatch:
    """Check rewards and groups and compute the group statistics, in time linear in the batch.

    ``rewards``: one FloatTensor[N] (or list, or array) for each reward name. ``groups``: N hashable ids.
    Raises :class:`AdvantageError` for no rewards, shapes that differ, a group of fewer than 2 responses, or a
    reward that is not finite in more than ``max_nonfinite_share`` of the responses.
    """
    raw, dtype = _stack(rewards)
    # Beyond float32's range squares would overflow, so such a value counts as infinite.
    finite = raw.float().isfinite()
    _check_share(tuple(rewards), finite, max_nonfinite_share)
    index = index_groups(groups, raw.shape[1], raw.device)
    counts = index.sum(finite.double())
    # Measured from the group's lowest reward, a group that agrees has deviations of exactly 0: no float noise
    # for an epsilon to blow up, and "varies" needs no tolerance.
    lowest = index.minimum(raw.where(finite, math.inf)).nan_to_num(posinf=0.0)
    above = (raw - index.spread(lowest)).where(finite, 0.0)
    sums = index.sum(above)
    offsets = sums / counts.clamp(min=1)
    deviations = (above - index.spread(offsets)).where(finite, 0.0)
    return RewardBatch(
        names=tuple(rewards),
        groups=index,
        values=raw.where(finite, 0.0),
        finite=finite,
        scorable=finite.any(0),
        counts=counts,
        means=lowest + offsets,
        deviations=deviations,
        squares=index.sum(deviations.square()),
        varies=sums > 0,
        dtype=dtype,
    )


def varies(rewards: Mapping[str, Tensor], groups: Sequence[Hashable] | Tensor) -> dict[Hashable, bool]:
    """For each group id, whether **any** reward differs in the group: the filter for dynamic sampling.

    A group whose weighted sum is constant (2 + 0 and 0 + 2) still teaches, and is kept; only a group in which
    every reward is constant is dead. Values that are not finite do not count. Arguments and errors as
    :func:`read_batch`.
    """
    batch = read_batch(rewards, groups)
    return dict(zip(batch.groups.ids, batch.varies.any(0).tolist(), strict=True))


def _stack(rewards: Mapping[str, Tensor]) -> tuple[Tensor, torch.dtype]:
    """[K, N] float64 rewards, and the float type that they promote to."""
    import torch

    if not isinstance(rewards, Mapping) or not rewards:
        raise AdvantageError("rewards must map at least one reward name to its values")
    columns = {name: torch.as_tensor(values) for name, values in rewards.items()}
    first = next(iter(columns))
    dtype = torch.float32
    for name, column in columns.items():
        if column.ndim != 1 or column.shape != columns[first].shape or not len(column):
            raise AdvantageError(
                f"reward {name!r} has shape {tuple(column.shape)}; allowed: one value a response,"
                f" as many as reward {first!r} of shape {tuple(columns[first].shape)}"
            )
        dtype = torch.promote_types(dtype, column.dtype)
    return torch.stack([column.double() for column in columns.values()]), dtype


def _check_share(names: Sequence[str], finite: Tensor, largest: float) -> None:
    shares = 1 - finite.double().mean(1)
    for name, share in zip(names, shares.tolist(), strict=True):
        if share > largest:
            raise AdvantageError(
                f"reward {name!r} is not finite in {share:.1%} of the responses;"
                f" max_nonfinite_share allows {largest:.1%}"
            )

"""GRPO: add the rewards first, then compare within the group. The baseline, and Dr.GRPO."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gdpo.advantage.batch import RewardBatch, RewardConfig, Step, read_batch
from gdpo.advantage.checks import check_flag, check_number
from gdpo.plugins import method

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class GRPOConfig(RewardConfig):
    """GRPO (DeepSeekMath, arXiv 2402.03300, section 4.1); without the std, Dr.GRPO (2503.20783)."""

    normalize_by_std: bool = True
    """Divide by the group's standard deviation; false: Dr.GRPO (veRL: ``norm_adv_by_std_in_grpo``)."""
    epsilon: float = 1e-6
    """Added to the standard deviation, in units of reward; above 0. Source: veRL 0.9.1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag("GRPOConfig.normalize_by_std", self.normalize_by_std)
        check_number("GRPOConfig.epsilon", self.epsilon, "a number above 0", 1e-300)


def grpo(rewards: Mapping[str, Tensor], groups: Sequence[Hashable] | Tensor, config: GRPOConfig) -> Tensor:
    """Advantages [N] of N responses: ``R = sum_k w_k r_k``, ``A = (R - mean_g R) / (std_g R + epsilon)``.

    ``std_g`` has ddof 1. Source: arXiv 2402.03300, section 4.1; veRL 0.9.1
    ``compute_grpo_outcome_advantage``. ``rewards`` maps each reward name to a FloatTensor[N], ``groups``
    holds N hashable ids; the result has the rewards' float type. Raises :class:`AdvantageError` for names,
    shapes, groups or non-finite rewards that :mod:`gdpo.advantage.batch` refuses.
    """
    config.check_rewards(rewards)
    batch = read_batch(rewards, groups, config.max_nonfinite_share)
    return grpo_step(batch, config).advantages.to(batch.dtype)


@method(name="grpo", label="GRPO", config=GRPOConfig)
def grpo_step(batch: RewardBatch, config: GRPOConfig) -> Step:
    """:func:`grpo` on a batch already read; the terms are each reward's part of the advantage."""
    # R - mean_g R is the weighted sum of the rewards' own deviations, and a non-finite reward's is 0.
    terms = batch.column(config.weights) * batch.deviations
    if config.normalize_by_std:
        squares = batch.groups.sum(terms.sum(0, keepdim=True).square())
        responses = batch.groups.sum(batch.scorable.to(squares).unsqueeze(0))
        std = (squares / (responses - 1).clamp(min=1)).sqrt()
        terms = terms / (batch.groups.spread(std) + config.epsilon)
    return Step(terms=terms, advantages=terms.sum(0))

"""GDPO: compare each reward within the group, then add, then normalise over the batch."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from gdpo.advantage.batch import RewardBatch, RewardConfig, Step, read_batch
from gdpo.advantage.checks import check_choice, check_flag, check_number
from gdpo.advantage.whiten import BatchStatistics, whiten
from gdpo.plugins import method

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class GDPOConfig(RewardConfig):
    """GDPO (arXiv 2601.05242). ``batch_statistics="tokens", epsilon=1e-6``: veRL 0.9.1, the NVlabs fork."""

    batch_statistics: BatchStatistics = "responses"
    """What the last step counts: responses (paper, TRL), tokens (veRL, NVlabs), or none (leave it out)."""
    normalize_by_std: bool = True
    """Divide each reward by its group's standard deviation; false: only subtract the mean."""
    epsilon: float = 1e-4
    """Added to each standard deviation, in units of reward; above 0. Source: paper, TRL; veRL: 1e-6."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("GDPOConfig.batch_statistics", self.batch_statistics, get_args(BatchStatistics))
        check_flag("GDPOConfig.normalize_by_std", self.normalize_by_std)
        check_number("GDPOConfig.epsilon", self.epsilon, "a number above 0", 1e-300)


def gdpo(
    rewards: Mapping[str, Tensor],
    groups: Sequence[Hashable] | Tensor,
    config: GDPOConfig,
    lengths: Tensor | None = None,
) -> Tensor:
    """Advantages [N] of N responses by GDPO (arXiv 2601.05242; TRL ``normalize_then_sum``).

    1. each reward in each group: ``A_k = (r_k - mean_g r_k) / (std_g r_k + epsilon)``, ddof 1;
    2. ``S = sum_k w_k A_k``;
    3. over the batch: ``A = (S - mean S) / (std S + epsilon)``, see :func:`~gdpo.advantage.whiten.whiten`.

    ``rewards`` maps each reward name to a FloatTensor[N], ``groups`` holds N hashable ids, ``lengths``
    (LongTensor[N], valid response tokens) is needed for token statistics only; the result has the rewards'
    float type. Raises :class:`AdvantageError` for names, shapes, groups, lengths or non-finite rewards.
    """
    config.check_rewards(rewards)
    batch = read_batch(rewards, groups, config.max_nonfinite_share)
    return gdpo_step(batch, config, lengths).advantages.to(batch.dtype)


@method(name="gdpo", label="GDPO", config=GDPOConfig)
def gdpo_step(batch: RewardBatch, config: GDPOConfig, lengths: Tensor | None) -> Step:
    """:func:`gdpo` on a batch already read; the terms are ``w_k A_k``."""
    scores = normalized(batch, config.epsilon) if config.normalize_by_std else batch.deviations
    terms = batch.column(config.weights) * scores
    advantages = whiten(terms.sum(0), batch, config.batch_statistics, config.epsilon, lengths)
    return Step(terms=terms, advantages=advantages)


def normalized(batch: RewardBatch, epsilon: float) -> Tensor:
    """[K, N] step 1 of GDPO, also DGDO's: each reward's deviation over its group's std plus ``epsilon``."""
    return batch.deviations / (batch.groups.spread(batch.stds) + epsilon)

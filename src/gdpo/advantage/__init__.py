"""Multi-reward advantage estimators as pure functions of tensors: GRPO, GDPO and DGDO.

Rewards go by name, groups by any hashable id, and one number a response comes back::

    >>> import torch
    >>> from gdpo.advantage import estimate
    >>> rewards = {"correctness": torch.tensor([1.0, 0, 1, 0]), "length": torch.tensor([0.0, 0, 1, 1])}
    >>> result = estimate("gdpo", rewards, groups=["a", "a", "b", "b"])
    >>> result.advantages
    tensor([ 0.8659, -0.8659,  0.8659, -0.8659])

Nothing here knows veRL, Ray or the rest of this project, but for the registry by which a plug-in's methods
come in as these do. torch is imported where a batch first becomes
tensors, so that every ``snakemake`` call checks the methods' configs without it. ``docs/methods.md`` has each
method's formula, source and differences; :mod:`gdpo.advantage.batch` the policy for rewards that are not
finite.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gdpo.advantage.batch import RewardBatch, RewardConfig, Step, read_batch, varies
from gdpo.advantage.checks import AdvantageError, check_choice
from gdpo.advantage.dgdo import DGDOConfig, DGDOState, dgdo
from gdpo.advantage.gdpo import GDPOConfig, gdpo
from gdpo.advantage.grpo import GRPOConfig, grpo
from gdpo.advantage.metrics import summarize
from gdpo.advantage.nested import broadcast_nested
from gdpo.advantage.state import check_step, state_from, state_to
from gdpo.plugins import METHODS

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "AdvantageError",
    "DGDOConfig",
    "DGDOState",
    "Estimate",
    "GDPOConfig",
    "GRPOConfig",
    "RewardBatch",
    "RewardConfig",
    "Step",
    "broadcast_nested",
    "dgdo",
    "estimate",
    "gdpo",
    "grpo",
    "varies",
]


@dataclass(frozen=True)
class Estimate:
    """What a trainer needs of one batch."""

    advantages: Tensor
    """FloatTensor[N], float32: one advantage a response."""
    state: dict | None
    """What the next step needs and a checkpoint holds, JSON-able; none if the method keeps no state."""
    metrics: dict[str, float]
    """See :func:`gdpo.advantage.metrics.summarize`; for DGDO also ``dgdo/...``."""


def estimate(
    method: str,
    rewards: Mapping[str, Tensor],
    groups: Sequence[Hashable] | Tensor,
    *,
    config: RewardConfig | None = None,
    state: Mapping | None = None,
    lengths: Tensor | None = None,
) -> Estimate:
    """Advantages, next state and metrics of one batch by the method of that name: one entry for all of them.

    ``method``: a key of :data:`gdpo.plugins.METHODS`. ``rewards``: FloatTensor[N] by reward name.
    ``groups``: N hashable ids. ``config``: of the method's class, its default if none. ``state``: what the
    last step returned, none at the first. ``lengths``: LongTensor[N], valid response tokens, for
    ``batch_statistics="tokens"``. Raises :class:`AdvantageError` for anything that the method refuses; a
    batch is never turned into NaN.
    """
    check_choice("method", method, METHODS)
    entry = METHODS[method]
    config = entry.config_cls() if config is None else config
    if not isinstance(config, entry.config_cls):
        raise AdvantageError(
            f"method {method!r} takes a {entry.config_cls.__name__}, not {type(config).__name__}"
        )
    config.check_rewards(rewards)
    batch = read_batch(rewards, groups, config.max_nonfinite_share)
    given = {"lengths": lengths, "state": state_from(method, entry.state_cls, state)}
    step = entry.function(batch, config, **{name: given[name] for name in entry.takes})
    check_step(method, batch, step)
    return Estimate(
        advantages=step.advantages.float(),
        state=state_to(method, entry.state_cls, step.state),
        metrics=summarize(batch, step, config.weights),
    )

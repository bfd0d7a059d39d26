"""A method of your own: REINFORCE leave-one-out, over a scale that it keeps from step to step.

In the experiment (settings under methods are those of NAMEConfig):

    plugins: [FILE]
    methods:
      NAME: {momentum: 0.95}
    runs:
      NAME: {method: NAME}
"""

from __future__ import annotations

from dataclasses import dataclass

from gdpo.advantage import AdvantageError, RewardBatch, RewardConfig, Step
from gdpo.plugins import method


@dataclass(frozen=True, kw_only=True)
class NAMEConfig(RewardConfig):
    """Settings; each has a default. Weights of the rewards come from RewardConfig."""

    momentum: float = 0.9
    """Share of the old scale that stays in each step, in [0, 1)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.momentum < 1:
            raise AdvantageError(f"NAMEConfig.momentum is {self.momentum!r}; allowed: 0 or more, below 1")


@dataclass
class NAMEState:
    """What the next step needs. It is part of every checkpoint: numbers, texts, lists and dicts only."""

    scale: float
    """Running mean of the spread of the advantages, in units of reward."""


@method(config=NAMEConfig, state=NAMEState, label="RLOO, scaled")
def NAME(batch: RewardBatch, config: NAMEConfig, state: NAMEState | None) -> Step:
    """Each response's weighted reward minus the mean of the others' in its group, over a running scale.

    Source of the first part: RLOO (arXiv 2402.14740, eq. 5). ``state`` is None at the first step.
    """
    # batch has K rewards of N responses in G groups, in float64; RewardBatch's docstrings have the shapes. A
    # reward minus the mean of the n - 1 others is n / (n - 1) times its deviation from the mean of all n.
    # Deviations are exactly 0 where a group agrees, and where a reward is not finite.
    factor = batch.counts / (batch.counts - 1).clamp(min=1)
    terms = batch.column(config.weights) * batch.deviations * batch.groups.spread(factor)
    spread = float(terms.sum(0).square().mean().sqrt())
    scale = spread if state is None else config.momentum * state.scale + (1 - config.momentum) * spread
    # A step in which no group differs must not divide by 0: then every term is 0.
    terms = terms / scale if scale > 0 else terms
    return Step(terms, terms.sum(0), NAMEState(scale), {"NAME/scale": scale})

"""DGDO: GDPO whose reward weights move towards the least stable rewards. As published, and corrected.

DGDO is an extension of the NVlabs GDPO fork. Its instability is a coefficient of variation, but of the
*normalised* scores, whose mean is 0 by construction: the ratio is float noise of about 1e6, and its softmax
is one-hot on the reward with fewer dead groups at every step. ``variant="published"`` keeps this exactly;
``"corrected"`` takes the coefficient of variation of the raw rewards, bounded, and keeps its floor.
``docs/methods.md`` lists every difference. Relatives: SAW (2606.07705), DVAO (2605.25604), GD2PO
(2606.16771).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from gdpo.advantage.batch import RewardBatch, RewardConfig, Step, read_batch
from gdpo.advantage.checks import (
    AdvantageError,
    check_choice,
    check_flag,
    check_named_numbers,
    check_names,
    check_number,
    check_whole,
)
from gdpo.advantage.gdpo import normalized
from gdpo.advantage.whiten import BatchStatistics, whiten
from gdpo.plugins import method

if TYPE_CHECKING:
    from torch import Tensor

Instability = Literal["raw_cv", "normalized_cv"]
Floor = Literal["affine", "clamp"]

PUBLISHED_VARIANCE_FLOOR = 1e-8  # inside the square root of the published sigma


class Variant(NamedTuple):
    """The choices that a variant stands for, each of which a config may override."""

    instability: Instability
    floor: Floor
    batch_statistics: BatchStatistics


VARIANTS = {
    "corrected": Variant("raw_cv", "affine", "responses"),
    "published": Variant("normalized_cv", "clamp", "tokens"),
}


@dataclass(frozen=True, kw_only=True)
class DGDOConfig(RewardConfig):
    """DGDO. Knobs keep their published names; defaults are its published settings, without a beta schedule.

    ``weights`` multiply each reward's term besides the moving weights (published: none, so 1).
    """

    variant: Literal["corrected", "published"] = "corrected"
    """What the three choices below are where they are not given."""
    instability: Instability | None = None
    """raw_cv (corrected): the raw rewards' coefficient of variation, bounded; normalized_cv (published)."""
    floor: Floor | None = None
    """affine (corrected): ``m + (1 - K m) w``; clamp (published): ``max(w, m)`` divided by its sum."""
    batch_statistics: BatchStatistics | None = None
    """What the last step counts: responses (corrected), tokens (published), or none. See GDPOConfig."""
    beta: float = 0.9
    """Share of the old weights that a step keeps, in [0, 1]."""
    beta_start: float | None = None
    """Beta at the end of the warm-up, in [0, 1]; none: ``beta`` throughout. Published: 0.5."""
    beta_warmup_steps: int = 0
    """Steps after the warm-up in which beta goes linearly from ``beta_start`` to ``beta``. Published: 200."""
    warmup_steps: int = 30
    """First steps, with weights 1/K. Published: 30; its scripts: 10."""
    min_weight: float = 0.15
    """Least weight of a reward, in [0, 1/K]. The published clamp does not keep it: its sum exceeds 1."""
    importance_priors: dict[str, float] | None = None
    """Factors on the target weights by reward name, each above 0; none: 1 for each."""
    invert: bool = False
    """Move towards the most stable reward instead: ``softmax(-I)``."""
    instability_bound: float = 3.0
    """Largest raw_cv instability, above 0: no target weight exceeds another by more than a factor e^bound
    (priors aside). A 0/1 reward reaches 3 when 1 response in 10 earns it; below that its mean is too near 0
    for the ratio to say more. Ours; normalized_cv has none."""
    epsilon: float = 1e-6
    """Added to each group's std (units of reward) and to |mean| in the instability; above 0. Published."""

    def __post_init__(self) -> None:
        super().__post_init__()
        optional = {"instability": Instability, "floor": Floor, "batch_statistics": BatchStatistics}
        check_choice("DGDOConfig.variant", self.variant, VARIANTS)
        for key, choices in optional.items():
            check_choice(f"DGDOConfig.{key}", getattr(self, key), (None, *get_args(choices)))
        for key in ("beta", "beta_start", "min_weight"):
            if getattr(self, key) is not None or key != "beta_start":
                check_number(f"DGDOConfig.{key}", getattr(self, key), "a number from 0 to 1", 0, 1)
        for key in ("beta_warmup_steps", "warmup_steps"):
            check_whole(f"DGDOConfig.{key}", getattr(self, key))
        for key in ("instability_bound", "epsilon"):
            check_number(f"DGDOConfig.{key}", getattr(self, key), "a number above 0", 1e-300)
        check_flag("DGDOConfig.invert", self.invert)
        check_named_numbers("DGDOConfig.importance_priors", self.importance_priors, "numbers above 0", 1e-300)

    @property
    def choices(self) -> Variant:
        """The variant's choices with this config's own in their place."""
        own = (self.instability, self.floor, self.batch_statistics)
        return Variant(*(mine or theirs for mine, theirs in zip(own, VARIANTS[self.variant], strict=True)))

    def check_rewards(self, names: Iterable[str]) -> None:
        """As :meth:`RewardConfig.check_rewards`; also the priors' names, and that K floors fit into 1."""
        names = tuple(names)
        super().check_rewards(names)
        if self.importance_priors is not None:
            check_names("DGDOConfig.importance_priors", self.importance_priors, names)
        if self.min_weight * len(names) > 1 + 1e-12:
            raise AdvantageError(
                f"DGDOConfig.min_weight is {self.min_weight!r}; allowed for {len(names)} rewards: at most"
                f" {1 / len(names):.4g}, as weights sum to 1"
            )

    def beta_at(self, step: int) -> float:
        """Beta at ``step`` (1 is the first): linear from ``beta_start``, counted from the warm-up's end."""
        if self.beta_start is None or self.beta_warmup_steps == 0:
            return self.beta
        progress = (step - self.warmup_steps) / self.beta_warmup_steps
        return self.beta_start + (self.beta - self.beta_start) * min(1.0, max(0.0, progress))


@dataclass(frozen=True)
class DGDOState:
    """What DGDO carries from step to step: a value, by name, exact through JSON."""

    step: int
    """Steps done, 0 at the start."""
    weights: dict[str, float]
    """The moving average of each reward's weight, before the floor; they sum to 1."""

    def __post_init__(self) -> None:
        check_whole("DGDOState.step", self.step)
        check_named_numbers("DGDOState.weights", self.weights, "numbers from 0 to 1 with sum 1", 0)
        if not self.weights or abs(math.fsum(self.weights.values()) - 1) > 1e-6:
            raise AdvantageError(
                f"DGDOState.weights is {self.weights!r}; allowed: numbers from 0 to 1 with sum 1"
            )

    @classmethod
    def initial(cls, names: Iterable[str]) -> DGDOState:
        """Before the first step: weight 1/K for each of the K rewards ``names``."""
        names = tuple(names)
        return cls(step=0, weights=dict.fromkeys(names, 1 / len(names)))

    def to_json(self) -> dict:
        """A dict of plain numbers; ``json.dumps`` writes floats so that they are read back bit for bit."""
        return {"step": self.step, "weights": dict(self.weights)}

    @classmethod
    def from_json(cls, data: object) -> DGDOState:
        """The state that :meth:`to_json` wrote. Raises :class:`AdvantageError` for other keys or values."""
        if not isinstance(data, Mapping):
            raise AdvantageError(f"a DGDO state is a map of step and weights, not {data!r}")
        for key in sorted(set(map(str, data)) ^ {"step", "weights"}):
            raise AdvantageError(f"a DGDO state has the keys step and weights; {key!r} is missing or unknown")
        return cls(**data)


def dgdo(
    rewards: Mapping[str, Tensor],
    groups: Sequence[Hashable] | Tensor,
    state: DGDOState | None,
    config: DGDOConfig,
    lengths: Tensor | None = None,
) -> tuple[Tensor, DGDOState]:
    """Advantages [N] of N responses by DGDO, and the state for the next step. Pass ``None`` at the first.

    1. each reward in each group as in :func:`~gdpo.advantage.gdpo.gdpo`, step 1;
    2. weights: 1/K in the warm-up, then ``w <- beta w + (1 - beta) target`` with
       ``target = softmax(I)`` (``-I`` if inverted) times the priors, normalised; see :func:`instabilities`;
    3. ``S = sum_k v_k A_k`` with ``v`` the weights after the floor;
    4. over the batch as the last step of GDPO.

    ``rewards`` maps each reward name to a FloatTensor[N], ``groups`` holds N hashable ids, ``lengths``
    (LongTensor[N], valid response tokens) is needed for token statistics only; the result has the rewards'
    float type. Raises :class:`AdvantageError` for names (also the state's), shapes, groups, lengths or
    non-finite rewards.
    """
    config.check_rewards(rewards)
    batch = read_batch(rewards, groups, config.max_nonfinite_share)
    step = dgdo_step(batch, config, state, lengths)
    return step.advantages.to(batch.dtype), step.state


@method(name="dgdo", label="DGDO", config=DGDOConfig, state=DGDOState)
def dgdo_step(
    batch: RewardBatch, config: DGDOConfig, state: DGDOState | None, lengths: Tensor | None
) -> Step:
    """:func:`dgdo` on a batch already read; the terms are ``weights_k v_k A_k``."""
    state = state or DGDOState.initial(batch.names)
    check_names("the DGDO state", state.weights, batch.names)
    scores = normalized(batch, config.epsilon)
    signal = instabilities(batch, scores, config)
    moved = _move(state, signal.instability, batch, config)
    used = floored(batch.column(moved.weights), config)
    terms = batch.column(config.weights) * used * scores
    advantages = whiten(terms.sum(0), batch, config.choices.batch_statistics, config.epsilon, lengths)
    return Step(terms, advantages, moved, _metrics(batch, config, moved.step, used, signal))


class Signal(NamedTuple):
    """Instability of each reward over one batch, with what it is made of; each [K]."""

    instability: Tensor
    mu: Tensor
    sigma: Tensor


def instabilities(batch: RewardBatch, scores: Tensor, config: DGDOConfig) -> Signal:
    """``I_k = sigma / (|mu| + epsilon)``, by the law of total variance over the groups of one batch.

    With ``m_g`` and ``v_g`` each group's mean and population variance: ``mu = mean_g m_g`` and
    ``sigma^2 = mean_g v_g + var_g m_g`` (population). ``normalized_cv`` takes them from the normalised
    ``scores`` [K, N] and adds 1e-8 to ``sigma^2``, as published. ``raw_cv`` takes them from the raw rewards,
    so that a reward that never varies has instability 0, and bounds it by ``instability_bound``, since the
    ratio has no limit as the mean goes to 0.
    """
    counts = batch.counts.clamp(min=1)
    present = (batch.counts > 0).double()  # a group with no finite value has no mean to count
    groups = present.sum(1)
    if config.choices.instability == "raw_cv":
        means, variances, extra = batch.means, batch.squares / counts, 0.0
    else:
        means = batch.groups.sum(scores) / counts
        inside = (scores - batch.groups.spread(means)).where(batch.finite, 0.0)
        variances, extra = batch.groups.sum(inside.square()) / counts, PUBLISHED_VARIANCE_FLOOR
    mu = (present * means).sum(1) / groups
    between = (present * (means - mu.unsqueeze(1)).square()).sum(1) / groups
    sigma = ((present * variances).sum(1) / groups + between + extra).sqrt()
    instability = sigma / (mu.abs() + config.epsilon)
    if config.choices.instability == "raw_cv":
        instability = instability.clamp(max=config.instability_bound)
    return Signal(instability, mu, sigma)


def floored(weights: Tensor, config: DGDOConfig) -> Tensor:
    """[K, 1] -> [K, 1]: weights of sum 1 with the floor ``min_weight`` (exact if affine, see DGDOConfig)."""
    if config.choices.floor == "affine":
        return config.min_weight + (1 - len(weights) * config.min_weight) * weights
    clamped = weights.clamp(min=config.min_weight)
    return clamped / clamped.sum()


def _move(state: DGDOState, instability: Tensor, batch: RewardBatch, config: DGDOConfig) -> DGDOState:
    """The state after one more step."""
    step = state.step + 1
    if step <= config.warmup_steps:
        return DGDOState(step, dict(state.weights))
    priors = batch.column(config.importance_priors).squeeze(1)
    target = (-instability if config.invert else instability).softmax(0) * priors
    target = target / target.sum()
    beta = config.beta_at(step)
    weights = beta * batch.column(state.weights).squeeze(1) + (1 - beta) * target
    return DGDOState(step, dict(zip(batch.names, weights.tolist(), strict=True)))


def _metrics(
    batch: RewardBatch, config: DGDOConfig, step: int, used: Tensor, signal: Signal
) -> dict[str, float]:
    """The published W&B names. The entropy is in nats, of the weights used (after the floor)."""
    metrics = {
        "dgdo/step": float(step),
        "dgdo/in_warmup": float(step <= config.warmup_steps),
        "dgdo/warmup_progress": min(1.0, step / config.warmup_steps) if config.warmup_steps else 1.0,
        "dgdo/effective_beta": float(config.beta_at(step)),
        "dgdo/weight_entropy": -float(used.xlogy(used).sum()),
    }
    columns = (used.squeeze(1), *signal)
    table = zip(*(column.tolist() for column in columns), strict=True)
    for name, (weight, instability, mu, sigma) in zip(batch.names, table, strict=True):
        metrics |= {
            f"dgdo/reward_{name}/weight": weight,
            f"dgdo/reward_{name}/instability": instability,
            f"dgdo/reward_{name}/mu_batch": mu,
            f"dgdo/reward_{name}/sigma_batch": sigma,
        }
    return metrics

"""Methods of a plug-in, run for two steps on the rewards of stored samples or on random ones."""

import json
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gdpo.plugin_check.evidence import Evidence
from gdpo.plugin_check.found import Checked
from gdpo.plugins import METHODS
from gdpo.plugins.calling import place_in, raised
from gdpo.rewards import Scorer
from gdpo.rewards.scorer import RewardSpec

if TYPE_CHECKING:
    from torch import Tensor

DEAD = "a group that agrees"
"""Group of the check's own: all its responses have the same rewards, so that none is better than another."""
DEAD_SIZE = 4
TOLERANCE = 1e-5
"""Largest advantage of such a group: what is left of float32's rounding where a batch is normalised."""


class Batch(NamedTuple):
    """Rewards of a step."""

    rewards: "dict[str, Tensor]"
    groups: list[Hashable]
    lengths: "Tensor"
    origin: str


def check_method(name: str, evidence: Evidence | None) -> Checked:
    """Run two steps of a method with its default settings, and look at what they give."""
    found = Checked("method", name, str(METHODS.place(name)))
    batch = with_a_dead_group(_random() if evidence is None else _of_samples(evidence) or _random())
    try:
        failed, seen = _two_steps(name, batch)
    except Exception as error:
        function = METHODS[name].function
        own = f"{raised(error)}; mend {place_in(function, error)}"
        return found._replace(failed=f"method {name} {own}", seen=f"on {batch.origin}")
    return found._replace(failed=failed and f"method {name} {failed}; mend {found.place}", seen=seen)


def _two_steps(name: str, batch: Batch) -> tuple[str | None, str]:
    """What is wrong, and what was seen. Shape, finiteness and the state's JSON are looked at by each step."""
    from gdpo.advantage import estimate

    def step(state: Mapping[str, Any] | None) -> Any:
        return estimate(name, batch.rewards, batch.groups, lengths=batch.lengths, state=state)

    first, again = step(None), step(None)
    kept = None if first.state is None else json.loads(json.dumps(first.state))
    second = step(kept)
    of_dead = max(abs(a) for a, g in zip(first.advantages.tolist(), batch.groups, strict=True) if g == DEAD)
    keeps = f"its state survives JSON and a second step ({json.dumps(kept)[:80]})" if kept else "no state"
    moved = float((second.advantages - first.advantages).abs().max())
    low, high = float(first.advantages.min()), float(first.advantages.max())
    seen = (
        f"on {batch.origin}: {len(batch.groups)} finite advantages from {low:.3g} to {high:.3g}; "
        f"{of_dead:.1g} for {DEAD}; {keeps}; the second step on the same batch differs by {moved:.2g}"
    )
    if METHODS[name].state_cls and first.state is None:
        return "declares a state, and its step gave none, so that it never has one", seen
    if not bool((first.advantages == again.advantages).all()):
        return (
            "gave other advantages for the same batch and no state: what it keeps must be in its state",
            seen,
        )
    if of_dead > TOLERANCE:
        return f"gave {of_dead:.3g} where all responses of a group have the same rewards; it must be 0", seen
    return None, seen


def with_a_dead_group(batch: Batch) -> Batch:
    """The batch with one more group, in which every reward is its mean over the others."""
    import torch

    rewards = {k: torch.cat([v, v.mean().repeat(DEAD_SIZE)]) for k, v in batch.rewards.items()}
    lengths = torch.cat([batch.lengths, torch.arange(1, DEAD_SIZE + 1)])
    return batch._replace(rewards=rewards, groups=[*batch.groups, *[DEAD] * DEAD_SIZE], lengths=lengths)


def _of_samples(evidence: Evidence) -> Batch | None:
    """Correctness, format and length of the problems with at least two samples, if there are any."""
    import torch

    groups = evidence.groups
    chosen = [i for i, group in enumerate(groups) if groups.count(group) > 1]
    if not chosen:
        return None
    responses = [evidence.responses[i] for i in chosen]
    limit = int(torch.tensor([float(r.n_tokens) for r in responses]).median())
    specs = {
        "correctness": RewardSpec("correctness", 1.0, {}),
        "format": RewardSpec("format", 1.0, {}),
        "length": RewardSpec("length", 1.0, {"limit": max(limit, 1)}),
    }
    found = Scorer(specs).score(responses)
    rewards = {name: torch.tensor([each[name] for each in found]) for name in specs}
    lengths = torch.tensor([response.n_tokens for response in responses])
    origin = f"correctness, format and length of {len(chosen)} samples"
    return Batch(rewards, [groups[i] for i in chosen], lengths, origin)


def _random(groups: int = 8, size: int = 8) -> Batch:
    import torch

    generator = torch.Generator().manual_seed(0)
    rewards = {
        name: torch.randint(0, 2, (groups * size,), generator=generator).float() for name in ("a", "b", "c")
    }
    lengths = torch.randint(1, 100, (groups * size,), generator=generator)
    return Batch(rewards, [i // size for i in range(groups * size)], lengths, "three random 0/1 rewards")

"""A batch in which every group is dead: nothing to learn, and nothing is broken by it."""

import json
import math

import pytest
import torch

from gdpo.advantage import METHODS, DGDOConfig, GDPOConfig, GRPOConfig, estimate

GROUPS = [f"prompt {i // 4}" for i in range(12)]
LENGTHS = torch.arange(1, 13)
BATCHES = {
    "all zero": {"right": [0.0] * 12, "short": [0.0] * 12},
    "all one": {"right": [1.0] * 12, "short": [1.0] * 12},
    "by prompt": {"right": [0.1] * 4 + [0.7] * 4 + [1.0] * 4, "short": [1.0] * 8 + [0.0] * 4},
    "large": {"right": [-1e30] * 12, "short": [1e30] * 4 + [3e-30] * 8},
}
CONFIGS = {
    "grpo": GRPOConfig(),
    "gdpo": GDPOConfig(),
    "gdpo, tokens": GDPOConfig(batch_statistics="tokens"),
    "gdpo, no std": GDPOConfig(normalize_by_std=False),
    "dgdo": DGDOConfig(warmup_steps=1),
    "dgdo, published": DGDOConfig(variant="published", warmup_steps=1),
}
LIVE = {"right": [0.0, 1, 0, 1] * 3, "short": [1.0, 1, 0, 1] * 3}


def step(name: str, rewards: dict[str, list[float]], state: dict | None):
    columns = {key: torch.tensor(values, dtype=torch.float64) for key, values in rewards.items()}
    method = name.partition(",")[0]
    return estimate(method, columns, GROUPS, config=CONFIGS[name], state=state, lengths=LENGTHS)


def test_every_method_is_here():
    assert {name.partition(",")[0] for name in CONFIGS} == set(METHODS)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", CONFIGS)
def test_advantages_are_exactly_zero_and_metrics_and_state_stay_sound(name, batch):
    state = None
    for _ in range(4):  # in the warm-up of dgdo, and after it
        dead = step(name, BATCHES[batch], state)
        assert dead.advantages.tolist() == [0.0] * 12
        assert not [key for key, value in dead.metrics.items() if not math.isfinite(value)]
        assert dead.metrics["train/dead_group_share"] == 1 and dead.metrics["train/advantage"] == 0
        state = json.loads(json.dumps(dead.state))
    if state is not None:
        assert state["step"] == 4 and sum(state["weights"].values()) == pytest.approx(1)
        assert all(0 < weight < 1 for weight in state["weights"].values())
    after = step(name, LIVE, state)  # and the state serves the next batch
    assert after.advantages.isfinite().all() and after.advantages.abs().max() > 0.1

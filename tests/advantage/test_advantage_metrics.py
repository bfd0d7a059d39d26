"""Metrics by hand, on one small batch, and the group filter."""

import json
import math

import pytest
import torch

from gdpo.advantage import DGDOConfig, GDPOConfig, GRPOConfig, estimate, varies

NAN = float("nan")
# Group a: correctness varies, length agrees. Group b: only length varies. Group c: dead.
REWARDS = {
    "correctness": torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 0.0]),
    "length": torch.tensor([2.0, 2.0, 0.0, 4.0, 1.0, 1.0]),
}
GROUPS = list("aabbcc")


def test_reward_metrics_by_hand():
    metrics = estimate(
        "gdpo", REWARDS, GROUPS, config=GDPOConfig(weights={"correctness": 1, "length": 0.5})
    ).metrics
    expected = {
        "reward/correctness/mean": 0.5,
        "reward/correctness/std": math.sqrt(6 * 0.25 / 5),
        "reward/correctness/min": 0.0,
        "reward/correctness/max": 1.0,
        "reward/correctness/zero_std_share": 2 / 3,
        "reward/correctness/nonfinite": 0.0,
        "reward/length/mean": 10 / 6,
        "reward/length/min": 0.0,
        "reward/length/max": 4.0,
        "reward/length/zero_std_share": 2 / 3,
        "train/reward": 0.5 + 0.5 * 10 / 6,
        "train/dead_group_share": 1 / 3,
    }
    assert {key: metrics[key] for key in expected} == pytest.approx(expected)
    assert all(type(value) is float for value in metrics.values())


def test_advantage_metrics_by_hand():
    config = GDPOConfig(weights={"correctness": 1, "length": 0.5}, batch_statistics="none", epsilon=1e-12)
    metrics = estimate("gdpo", REWARDS, GROUPS, config=config).metrics
    # Terms: correctness (+-.7071, 0, 0, 0, 0), length half of that in group b.
    assert metrics["advantage/correctness/std"] == pytest.approx(math.sqrt(1 / 5))
    assert metrics["advantage/length/std"] == pytest.approx(math.sqrt(0.25 / 5))
    assert metrics["advantage/length/mean"] == pytest.approx(0)
    assert metrics["train/advantage"] == pytest.approx((2 + 1) * math.sqrt(0.5) / 6)


def test_terms_of_grpo_add_up_to_its_advantage():
    result = estimate("grpo", {"only": REWARDS["length"]}, GROUPS, config=GRPOConfig())
    assert result.metrics["advantage/only/std"] == pytest.approx(result.advantages.std().item())


def test_nonfinite_rewards_are_counted_and_skipped():
    rewards = {"a": [1.0, 0.0, NAN, 1.0], "b": [float("inf"), NAN, 3.0, 3.0]}
    metrics = estimate("gdpo", rewards, [0] * 4, config=GDPOConfig(max_nonfinite_share=0.5)).metrics
    assert (metrics["reward/a/nonfinite"], metrics["reward/b/nonfinite"]) == (1, 2)
    assert metrics["reward/a/mean"] == pytest.approx(2 / 3)
    assert (metrics["reward/b/min"], metrics["reward/b/max"], metrics["reward/b/std"]) == (3, 3, 0)


def test_dgdo_logs_the_published_names():
    metrics = estimate("dgdo", REWARDS, GROUPS, config=DGDOConfig()).metrics
    names = {
        "dgdo/step",
        "dgdo/in_warmup",
        "dgdo/warmup_progress",
        "dgdo/effective_beta",
        "dgdo/weight_entropy",
    }
    for reward in REWARDS:
        parts = ("weight", "instability", "mu_batch", "sigma_batch")
        names |= {f"dgdo/reward_{reward}/{part}" for part in parts}
    assert {name for name in metrics if name.startswith("dgdo/")} == names
    assert json.loads(json.dumps(metrics)) == metrics


def test_a_group_is_dead_only_if_no_reward_varies():
    assert varies(REWARDS, GROUPS) == {"a": True, "b": True, "c": False}
    # The sum is constant, yet the rewards vary.
    assert varies({"a": [1.0, 0.0], "b": [0.0, 1.0]}, ["q", "q"]) == {"q": True}
    # A missing value is not a different value; 0.1 is not a sum of float noise.
    assert varies({"a": [0.1, NAN, 0.1], "b": [NAN] * 3}, ["q"] * 3) == {"q": False}

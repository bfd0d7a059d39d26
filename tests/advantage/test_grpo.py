"""GRPO and Dr.GRPO against the paper's toy case, hand numbers and veRL's own code."""

import math

import numpy as np
import pytest
import torch

from gdpo.advantage import GRPOConfig, grpo

# The GDPO paper's toy case (arXiv 2601.05242, figure on two rewards and two rollouts): every pair of total
# rewards that two binary rewards can give, with GRPO's advantages for it.
HALF = 1 / math.sqrt(2)
TOY = [((0, 0), 0.0), ((0, 1), HALF), ((0, 2), HALF), ((1, 1), 0.0), ((1, 2), HALF), ((2, 2), 0.0)]


@pytest.mark.parametrize(("totals", "expected"), TOY)
def test_toy_case_has_two_distinct_groups(totals, expected):
    rewards = {
        "a": torch.tensor([float(t > 0) for t in totals]),
        "b": torch.tensor([float(t > 1) for t in totals]),
    }
    torch.testing.assert_close(
        grpo(rewards, ["q", "q"], GRPOConfig()), torch.tensor([-expected, expected]), atol=2e-6, rtol=0
    )


def test_weights_go_by_name_not_by_position():
    rewards = {"a": torch.tensor([1.0, 0.0]), "b": torch.tensor([0.0, 1.0])}
    config = GRPOConfig(weights={"b": 3.0, "a": 1.0}, normalize_by_std=False)
    # R = (1, 3), mean 2.
    assert grpo(rewards, ["q", "q"], config).tolist() == [-1.0, 1.0]


def test_matches_verl():
    core_algos = pytest.importorskip("verl.trainer.ppo.core_algos")
    generator = torch.Generator().manual_seed(3)
    uids = np.array([f"prompt-{i % 7}" for i in range(35)], dtype=object)
    rewards = {"a": torch.rand(35, generator=generator), "b": torch.rand(35, generator=generator)}
    for by_std in (True, False):
        theirs, _ = core_algos.compute_grpo_outcome_advantage(
            (rewards["a"] + 0.5 * rewards["b"]).unsqueeze(1),
            torch.ones(35, 1),
            uids,
            norm_adv_by_std_in_grpo=by_std,
        )
        config = GRPOConfig(weights={"a": 1.0, "b": 0.5}, normalize_by_std=by_std)
        torch.testing.assert_close(grpo(rewards, uids, config), theirs.squeeze(1), atol=1e-5, rtol=0)


def test_a_nonfinite_reward_takes_no_part():
    nan = float("nan")
    rewards = {"a": torch.tensor([1.0, 0.0, nan, 1.0]), "b": torch.tensor([0.0, 3.0, 3.0, 2.0])}
    config = GRPOConfig(normalize_by_std=False, max_nonfinite_share=0.5)
    # mean of a over its 3 finite values 2/3, mean of b 2; the third response is judged by b alone.
    expected = torch.tensor([1 / 3 - 2, -2 / 3 + 1, 1.0, 1 / 3])
    torch.testing.assert_close(grpo(rewards, ["q"] * 4, config), expected)


def test_a_response_with_no_finite_reward_is_left_out_of_the_std():
    rewards = {"a": torch.tensor([0.0, 1.0, float("nan")])}
    config = GRPOConfig(max_nonfinite_share=0.5)
    torch.testing.assert_close(
        grpo(rewards, ["q"] * 3, config), torch.tensor([-HALF, HALF, 0.0]), atol=2e-6, rtol=0
    )

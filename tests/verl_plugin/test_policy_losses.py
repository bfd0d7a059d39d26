"""The losses that a config may name are those of the installed veRL, and each teaches what it should."""

from typing import get_args

import pytest
import torch
from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY, get_policy_loss_fn
from verl.workers.config import FSDPActorConfig

from gdpo.config.training import PolicyLoss

NAMES = get_args(PolicyLoss)


def test_every_loss_of_verl_but_the_one_that_wants_more():
    assert {*NAMES, "bypass_mode"} == set(POLICY_LOSS_REGISTRY)


@pytest.mark.parametrize("name", NAMES)
def test_its_gradient_raises_what_had_a_positive_advantage(name):
    """On policy, from what the synchronous trainer hands over: old log-probs, advantages and a mask."""
    config = FSDPActorConfig(
        strategy="fsdp2",
        rollout_n=2,
        ppo_micro_batch_size_per_gpu=2,
        clip_ratio_low=0.2,
        clip_ratio_high=0.28,
    )
    object.__setattr__(config.policy_loss, "dro_beta", 0.1)
    config.global_batch_info.update(
        dp_size=1, batch_num_tokens=7, global_batch_size=2, loss_scale_factor=None
    )
    torch.manual_seed(0)
    old = -torch.rand(2, 4)
    new = old.clone().requires_grad_()
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]).bool()
    advantages = torch.tensor([[1.0], [-1.0]]).expand(2, 4) * mask
    loss, metrics = get_policy_loss_fn(name)(
        old_log_prob=old,
        log_prob=new,
        advantages=advantages,
        response_mask=mask,
        loss_agg_mode="token-mean",
        config=config,
        rollout_is_weights=None,
    )
    loss.backward()
    assert (new.grad[0] < 0).all() and (new.grad[1, :3] > 0).all() and new.grad[1, 3] == 0
    assert all(isinstance(value, float) for value in metrics.values())

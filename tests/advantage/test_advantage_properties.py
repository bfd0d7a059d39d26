"""Invariants that any right implementation has, as property tests."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gdpo.advantage import DGDOConfig, GDPOConfig, GRPOConfig, estimate, gdpo, grpo

EXACT = 1e-12  # an epsilon small enough for invariances that hold "eps aside"
STATISTICS = st.sampled_from(["responses", "tokens", "none"])


@st.composite
def batches(draw):
    """Two rewards on a quarter grid (so that groups often agree), groups of any size from 2, and lengths."""
    sizes = draw(st.lists(st.integers(2, 5), min_size=2, max_size=5))
    order = draw(st.permutations([number for number, size in enumerate(sizes) for _ in range(size)]))
    grid = st.lists(st.integers(0, 4).map(lambda n: n / 4), min_size=len(order), max_size=len(order))
    rewards = {name: torch.tensor(draw(grid), dtype=torch.float64) for name in ("a", "b")}
    lengths = torch.tensor(draw(st.lists(st.integers(1, 9), min_size=len(order), max_size=len(order))))
    return rewards, torch.tensor(order), lengths


def close(one, two, atol=1e-6):
    torch.testing.assert_close(one, two, atol=atol, rtol=0)


@settings(deadline=None)
@given(batches(), STATISTICS)
def test_one_reward_is_grpo_up_to_the_batch_scale(batch, statistics):
    rewards, groups, lengths = batch
    only = {"a": rewards["a"]}
    ours = gdpo(only, groups, GDPOConfig(batch_statistics=statistics, epsilon=1e-6), lengths)
    theirs = grpo(only, groups, GRPOConfig(epsilon=1e-6))
    # A shift and a positive scale: equal after the same standardisation.
    shift, scale = ours - ours.mean(), theirs - theirs.mean()
    close(shift * scale.norm(), scale * shift.norm())


@settings(deadline=None)
@given(batches(), STATISTICS, st.sampled_from([0.0, 1.0, -2.5]))
def test_opposite_rewards_cancel(batch, statistics, constant):
    rewards, groups, lengths = batch
    opposite = {"a": rewards["a"], "b": constant - rewards["a"]}
    advantages = gdpo(opposite, groups, GDPOConfig(batch_statistics=statistics), lengths)
    close(advantages, torch.zeros_like(advantages), atol=1e-9)


@settings(deadline=None)
@given(batches(), STATISTICS, st.sampled_from(["grpo", "gdpo"]))
def test_a_reward_on_which_all_groups_agree_changes_nothing(batch, statistics, method):
    rewards, groups, lengths = batch
    agreed = {**rewards, "c": 0.1 * groups.double()}
    config = GRPOConfig() if method == "grpo" else GDPOConfig(batch_statistics=statistics)
    with_it = estimate(method, agreed, groups, config=config, lengths=lengths).advantages
    without = estimate(method, rewards, groups, config=config, lengths=lengths).advantages
    assert torch.equal(with_it, without)


@settings(deadline=None)
@given(batches(), st.sampled_from(["grpo", "gdpo", "dgdo"]), st.randoms())
def test_permuting_responses_permutes_advantages(batch, method, random):
    rewards, groups, lengths = batch
    order = torch.tensor(random.sample(range(len(groups)), len(groups)))
    config = DGDOConfig(warmup_steps=0) if method == "dgdo" else None
    plain = estimate(method, rewards, groups, config=config).advantages
    moved = {name: values[order] for name, values in rewards.items()}
    close(estimate(method, moved, groups[order], config=config).advantages, plain[order])


@settings(deadline=None)
@given(batches(), STATISTICS, st.sampled_from([0.01, 3.0, 1e4]), st.sampled_from([0.0, -7.0, 1e3]))
def test_scale_and_shift_of_one_reward_change_nothing(batch, statistics, scale, shift):
    rewards, groups, lengths = batch
    config = GDPOConfig(batch_statistics=statistics, epsilon=EXACT)
    changed = {"a": rewards["a"] * scale + shift, "b": rewards["b"]}
    sums = gdpo(rewards, groups, GDPOConfig(batch_statistics="none", epsilon=EXACT))
    if sums.abs().max() > 1e-6:  # where all rewards cancel, the batch scale is 0/0 and decided by rounding
        close(gdpo(changed, groups, config, lengths), gdpo(rewards, groups, config, lengths), atol=1e-5)


@settings(deadline=None)
@given(batches())
def test_response_statistics_centre_and_scale_the_batch_and_spare_dead_groups(batch):
    rewards, groups, _ = batch
    advantages = gdpo(rewards, groups, GDPOConfig())
    dead = torch.tensor(
        [
            all(len(set(values[groups == group].tolist())) == 1 for values in rewards.values())
            for group in groups
        ]
    )
    assert advantages.mean().item() == pytest.approx(0, abs=1e-9)
    close(advantages[dead], torch.zeros_like(advantages[dead]), atol=1e-9)
    if gdpo(rewards, groups, GDPOConfig(batch_statistics="none")).std() > 0.1:  # else epsilon shows
        assert advantages.std().item() == pytest.approx(1, abs=1e-3)


@settings(deadline=None)
@given(
    st.lists(batches(), min_size=1, max_size=4),
    st.sampled_from(["corrected", "published"]),
    st.sampled_from([0.0, 0.15, 0.5]),
    st.booleans(),
)
def test_dgdo_weights_sum_to_one_and_the_affine_floor_holds(stream, variant, floor, invert):
    config = DGDOConfig(
        variant=variant, floor="affine", min_weight=floor, warmup_steps=0, beta=0.3, invert=invert
    )
    state = None
    for rewards, groups, lengths in stream:
        result = estimate("dgdo", rewards, groups, config=config, state=state, lengths=lengths)
        state = result.state
        used = [result.metrics[f"dgdo/reward_{name}/weight"] for name in rewards]
        assert math.fsum(used) == pytest.approx(1, abs=1e-12)
        assert min(used) >= floor - 1e-12
        assert result.advantages.isfinite().all()


@settings(deadline=None)
@given(batches(), st.floats(1e-3, 1e3))
def test_corrected_instability_does_not_depend_on_the_unit_of_a_reward(batch, unit):
    rewards, groups, _ = batch
    config = DGDOConfig(epsilon=1e-12)
    key = "dgdo/reward_a/instability"
    scaled = {"a": rewards["a"] * unit, "b": rewards["b"]}
    before = estimate("dgdo", rewards, groups, config=config).metrics[key]
    assert estimate("dgdo", scaled, groups, config=config).metrics[key] == pytest.approx(before, abs=1e-6)

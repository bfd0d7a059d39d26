"""GDPO against the paper's toy case, and against veRL's and TRL's own code."""

import ast
import inspect
import math
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from gdpo.advantage import GDPOConfig, estimate, gdpo

NAN = float("nan")
HALF = 1 / math.sqrt(2)
UNWHITENED = GDPOConfig(batch_statistics="none", epsilon=1e-12)
# arXiv 2601.05242: the six pairs of total rewards of two rollouts, with GDPO's advantages before step 3.
TOY = [((0, 0), 0.0), ((0, 1), HALF), ((0, 2), 2 * HALF), ((1, 1), 0.0), ((1, 2), HALF), ((2, 2), 0.0)]


@pytest.mark.parametrize(("totals", "expected"), TOY)
def test_toy_case_has_three_distinct_groups(totals, expected):
    rewards = {
        "a": torch.tensor([float(t > 0) for t in totals]),
        "b": torch.tensor([float(t > 1) for t in totals]),
    }
    torch.testing.assert_close(gdpo(rewards, ["q", "q"], UNWHITENED), torch.tensor([-expected, expected]))


def test_by_hand_with_weights_and_response_statistics():
    rewards = {"a": [1.0, 0.0, 1.0, 1.0], "b": [2.0, 2.0, 0.0, 6.0]}
    config = GDPOConfig(weights={"b": 0.5, "a": 1.0}, epsilon=1e-12)
    # a: (.7071, -.7071 | 0, 0), b: (0, 0 | -.7071, .7071); S = (.7071, -.7071, -.3536, .3536), mean 0,
    # std sqrt((.5 + .5 + .125 + .125) / 3) = .6455.
    expected = torch.tensor([HALF, -HALF, -HALF / 2, HALF / 2]) / math.sqrt(1.25 / 3)
    torch.testing.assert_close(gdpo(rewards, [7, 7, 9, 9], config), expected)


def random_batch(prompts, responses, seed):
    """Two rewards with dead groups, groups interleaved, and response lengths."""
    generator = torch.Generator().manual_seed(seed)
    count = prompts * responses
    uids = np.array([f"uid-{i % prompts}" for i in range(count)], dtype=object)
    rewards = {
        "correctness": (torch.rand(count, generator=generator) < 0.6).float(),
        "length": torch.rand(count, generator=generator),
    }
    rewards["correctness"][::prompts] = 1.0
    lengths = torch.randint(1, 40, (count,), generator=generator)
    return rewards, uids, lengths


@pytest.mark.parametrize("by_std", [True, False])
def test_token_statistics_match_verl(by_std):
    core_algos = pytest.importorskip("verl.trainer.ppo.core_algos")
    rewards, uids, lengths = random_batch(9, 5, seed=1)
    mask = (torch.arange(40) < lengths.unsqueeze(1)).float()
    theirs, _ = core_algos.compute_gdpo_outcome_advantage(
        torch.zeros(len(uids), 40),
        mask,
        uids,
        norm_adv_by_std_in_grpo=by_std,
        config={"gdpo_reward_keys": list(rewards), "gdpo_reward_weights": [1.0, 0.25]},
        non_tensor_batch={name: values.numpy() for name, values in rewards.items()},
        batch={
            "prompts": torch.zeros(len(uids), 1),
            "attention_mask": torch.cat([mask[:, :1], mask], 1).long(),
        },
    )
    config = GDPOConfig(
        weights={"length": 0.25, "correctness": 1.0},
        batch_statistics="tokens",
        normalize_by_std=by_std,
        epsilon=1e-6,
    )
    ours = gdpo(rewards, uids, config, lengths)
    torch.testing.assert_close(ours.unsqueeze(1) * mask, theirs, atol=1e-5, rtol=0)


def trl_normalize_then_sum(columns, weights, per_group):
    """Run TRL's own branch, cut out of its trainer's method, which cannot be called without a model."""
    trainer = pytest.importorskip(
        "trl.trainer.grpo_trainer", reason="`make test` installs TRL into .venv/peers"
    )
    tree = ast.parse(inspect.getsource(trainer))
    branches = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
        and ast.unparse(node.test) == "self.multi_objective_aggregation == 'normalize_then_sum'"
    ]
    branch = next(node for node in branches if "advantages" in ast.unparse(node.body))
    rewards_per_func = torch.stack(columns, 1)
    scope = {
        "torch": torch,
        "nanstd": trainer.nanstd,
        "self": types.SimpleNamespace(reward_funcs=columns, reward_weights=weights),
        "rewards_per_func": rewards_per_func,
        "num_generations": per_group,
        "device": "cpu",
        "unscorable_mask": rewards_per_func.isnan().all(dim=1),
    }
    exec(compile(ast.Module(branch.body, []), "trl", "exec"), scope)
    return torch.nan_to_num(scope["advantages"], nan=0.0)  # as TRL does right after the branch


@pytest.mark.parametrize("nonfinite", [False, True])
def test_response_statistics_match_trl(nonfinite, monkeypatch):
    # In a folder of its own: veRL 0.9.1 cannot be imported where TRL is installed.
    monkeypatch.syspath_prepend(Path(sys.prefix, "peers"))
    rewards, _, _ = random_batch(8, 6, seed=2)
    groups = torch.arange(48) // 6  # TRL's groups are consecutive
    if nonfinite:
        rewards["length"][3] = NAN
        rewards["length"][17] = rewards["correctness"][17] = NAN
        rewards["correctness"][24:29] = NAN  # one finite value is left in that group
    theirs = trl_normalize_then_sum(list(rewards.values()), torch.tensor([1.0, 0.3]), per_group=6)
    config = GDPOConfig(weights={"correctness": 1.0, "length": 0.3}, max_nonfinite_share=0.5)
    torch.testing.assert_close(gdpo(rewards, groups, config), theirs, atol=1e-4, rtol=0)


def test_a_dead_group_gets_nothing_from_responses_but_something_from_tokens():
    # Group d agrees in both rewards. In group a the short answers win, so token means are below 0.
    rewards = {"correctness": [1.0, 1.0, 1.0, 1.0], "length": [1.0, 0.0, 1.0, 1.0]}
    groups, lengths = ["a", "a", "d", "d"], torch.tensor([100, 4000, 500, 500])
    by_response = gdpo(rewards, groups, GDPOConfig())
    by_token = gdpo(rewards, groups, GDPOConfig(batch_statistics="tokens"), lengths)
    assert by_response[2:].tolist() == [0.0, 0.0]
    assert (by_token[2:] > 0.2).all()


@pytest.mark.parametrize("bad", [NAN, float("inf"), -float("inf"), 1e300])
@pytest.mark.parametrize("method", ["grpo", "gdpo", "dgdo"])
def test_one_nonfinite_reward_never_spreads(method, bad):
    rewards, uids, lengths = random_batch(4, 8, seed=5)
    rewards = {name: values.double() for name, values in rewards.items()}
    rewards["length"][5] = bad
    result = estimate(method, rewards, uids, lengths=lengths)
    assert result.advantages.isfinite().all()
    assert all(math.isfinite(value) for value in result.metrics.values())
    assert result.metrics["reward/length/nonfinite"] == 1
    assert result.metrics["reward/correctness/nonfinite"] == 0


def test_nonfinite_rewards_by_hand():
    rewards = {"a": torch.tensor([1.0, 0.0, NAN, NAN]), "b": torch.tensor([0.0, 0.0, 3.0, NAN])}
    config = GDPOConfig(epsilon=1e-12, max_nonfinite_share=0.6)
    # a: (.7071, -.7071, 0, 0). b: mean 1, std sqrt(3): (-.5774, -.5774, 1.1547, 0). The last has no reward.
    s = torch.tensor([HALF - 3**-0.5, -HALF - 3**-0.5, 2 * 3**-0.5])
    expected = torch.cat([(s - s.mean()) / s.std(), torch.zeros(1)])
    torch.testing.assert_close(gdpo(rewards, ["q"] * 4, config), expected)


@pytest.mark.parametrize("statistics", ["responses", "tokens", "none"])
def test_a_response_with_no_finite_reward_gets_nothing(statistics):
    # Over tokens the batch mean is not 0, and must not reach this response.
    rewards, lengths = {"a": torch.tensor([1.0, 0.0, NAN])}, torch.tensor([1, 9, 100])
    config = GDPOConfig(batch_statistics=statistics, max_nonfinite_share=0.5)
    with_it = gdpo(rewards, ["q"] * 3, config, lengths)
    without = gdpo({"a": rewards["a"][:2]}, ["q"] * 2, config, lengths[:2])
    assert with_it[2] == 0
    torch.testing.assert_close(with_it[:2], without)


def test_rewards_keep_their_float_type():
    assert gdpo({"a": torch.tensor([1, 0])}, [0, 0], GDPOConfig()).dtype == torch.float32
    assert gdpo({"a": torch.tensor([1.0, 0.0]).half()}, [0, 0], GDPOConfig()).dtype == torch.float32
    assert gdpo({"a": torch.tensor([1.0, 0.0]).double()}, [0, 0], GDPOConfig()).dtype == torch.float64

"""The reward functions and the scorer."""

import pickle

import pytest

from gdpo.plugins import REWARDS
from gdpo.plugins.loading import load
from gdpo.rewards import Scorer, judged
from gdpo.rewards.scorer import RewardSpec
from gdpo.tasks import Gold, Problem

TWO = Problem("two", [{"role": "user", "content": "1+1"}], Gold(("2",)), {"id": "two"})
RIGHT, WRONG = r"<think>1+1=2</think>\boxed{2}", r"<think>1+1=3</think>\boxed{3}"


@pytest.mark.parametrize(
    ("name", "options", "text", "n_tokens", "value"),
    [
        ("correctness", {}, RIGHT, 5, 1),
        ("correctness", {}, WRONG, 5, 0),
        ("length", {"limit": 5}, WRONG, 5, 1),
        ("length", {"limit": 5}, RIGHT, 6, 0),
        ("conditioned_length", {"limit": 5}, RIGHT, 5, 1),
        ("conditioned_length", {"limit": 5}, WRONG, 5, 0),
        ("conditioned_length", {"limit": 5}, RIGHT, 6, 0),
        ("format", {}, RIGHT, 5, 1),
        ("format", {}, r"\boxed{2}", 5, 0),
        ("format", {}, r"<think>a</think>\boxed{2}\boxed{2}", 5, 0),
        ("format", {}, r"<think>\boxed{2}</think>2", 5, 0),
        ("integer", {}, WRONG, 5, 1),
        ("integer", {}, r"\boxed{1/2}", 5, 0),
        ("integer", {}, "no box", 5, 0),
    ],
)
def test_each_function(name, options, text, n_tokens, value):
    assert REWARDS[name].function(judged([text], [n_tokens], [TWO])[0], **options) == value


def test_every_function_is_picklable_and_tested():
    load([])
    here = {"correctness", "length", "conditioned_length", "format", "integer"}
    in_test_lengths = {"soft_overlong", "cosine_length", "relative_length", "repetition"}
    in_test_tool_calls = {"tool_format", "tool_correctness"}
    in_test_code_grader = {"pass_rate", "bug"}
    assert set(REWARDS) == here | in_test_lengths | in_test_tool_calls | in_test_code_grader
    for entry in REWARDS.values():
        assert pickle.loads(pickle.dumps(entry.function)) is entry.function


def test_scorer_gives_named_rewards_and_their_weighted_sum():
    specs = {"right": RewardSpec("correctness", 2.0, {}), "short": RewardSpec("length", 0.5, {"limit": 4})}
    scorer = pickle.loads(pickle.dumps(Scorer(specs)))
    rewards = scorer([RIGHT, WRONG], [[0] * 4, [0] * 5], [TWO] * 2)
    assert rewards == [{"right": 1.0, "short": 1.0}, {"right": 0.0, "short": 0.0}]
    assert scorer.total(rewards[0]) == 2.5

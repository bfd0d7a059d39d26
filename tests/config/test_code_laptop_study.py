"""The laptop's coding study: the arms of the paper's Table 5, and one limit of length for all of it."""

from pathlib import Path

from gdpo.config.experiment import load_experiment
from gdpo.config.length_reward import length_reward

CONFIG = Path(__file__).parents[2] / "config"


def test_arms_are_those_of_table_five_and_dgdo():
    study = load_experiment(CONFIG / "code-laptop.yaml")
    two = {"pass_rate", "length"}
    rewards = {run.arm: set(run.config.rewards) for run in study.runs.values()}
    assert rewards == {
        "grpo-2": two,
        "gdpo-2": two,
        "grpo-3": two | {"bug"},
        "gdpo-3": two | {"bug"},
        "dgdo-3": two | {"bug"},
    }
    methods = {run.arm: run.config.method for run in study.runs.values()}
    assert all(arm.startswith(method) for arm, method in methods.items())


def test_the_length_reward_is_the_conditioned_one_and_its_limit_the_one_that_is_reported():
    study = load_experiment(CONFIG / "code-laptop.yaml")
    for run in study.runs.values():
        assert length_reward(run.config).kind == "conditioned"
        limit = run.config.rewards["length"].options["limit"]
        assert limit == study.config.evaluation.length_limit < run.config.training.max_response_length

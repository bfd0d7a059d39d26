"""Which length reward a run has, and which arms are a sweep of its weight."""

from pathlib import Path

import yaml

from gdpo.config.experiment import load_experiment
from gdpo.config.length_reward import length_reward, weight_sweep

CONFIG = Path(__file__).parents[2] / "config"


def runs_of(tmp_path, runs, **values):
    (tmp_path / "recipes").symlink_to(CONFIG / "recipes")
    (tmp_path / "study.yaml").write_text(
        yaml.safe_dump({"inherits": ["recipes/laptop"], "runs": runs, **values})
    )
    return load_experiment(tmp_path / "study.yaml").runs.values()


def test_the_ablation_s_weights_are_a_sweep_and_its_other_changes_are_not():
    found = weight_sweep(load_experiment(CONFIG / "ablation-gdpo.yaml").runs.values())
    assert {arm: str(reward) for arm, reward in found.items()} == {
        "gdpo-default": "plain",
        "gdpo-length-weight-0.5": "plain x 0.5",
        "gdpo-length-weight-0.25": "plain x 0.25",
        "gdpo-conditioned-length": "conditioned",
    }


def test_without_two_weights_there_is_no_sweep():
    assert weight_sweep(load_experiment(CONFIG / "demo.yaml").runs.values()) == {}
    assert weight_sweep(load_experiment(CONFIG / "ablation-dgdo.yaml").runs.values()) == {}


def test_plain_against_conditioned_of_one_weight_is_no_sweep_and_seeds_are_none(tmp_path):
    conditioned = {"function": "conditioned_length"}
    runs = {"a": {"method": "gdpo"}, "b": {"method": "gdpo", "rewards": {"length": conditioned}}}
    assert weight_sweep(runs_of(tmp_path, runs, seeds=[1, 2])) == {}


def test_a_weight_of_another_reward_makes_another_family(tmp_path):
    sweep = {"points": {"w1": {}, "w0.5": {"rewards.length.weight": 0.5}}}
    runs = {"a": {"method": "gdpo", "sweep": sweep}}
    runs["b"] = {"method": "gdpo", "rewards": {"correctness": {"weight": 2.0}}}
    assert set(weight_sweep(runs_of(tmp_path, runs))) == {"a-w1", "a-w0.5"}


def test_a_run_without_one_length_reward_has_none(tmp_path):
    runs = {
        "none": {"method": "grpo", "rewards": {"length": None}},
        "two": {
            "method": "grpo",
            "rewards": {"other": {"function": "conditioned_length", "options": {"limit": 9}}},
        },
    }
    evaluation = {"evaluation": {"length_limit": 24}}
    assert [length_reward(run.config) for run in runs_of(tmp_path, runs, **evaluation)] == [None, None]

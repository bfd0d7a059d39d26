"""The coding study: the paper's rewards and runs, its data, and mistakes in what is new with it."""

from pathlib import Path

import pytest

from gdpo.config.errors import ConfigError
from gdpo.config.experiment import load_experiment
from gdpo.config.length_reward import published_as
from gdpo.data.problem_sets import prompt_of
from gdpo.plugins import TASKS, PluginError, task

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture(scope="module")
def study():
    return load_experiment(CONFIG / "code.yaml")


def test_runs_have_the_paper_s_two_and_three_rewards(study):
    assert len(study.runs) == 4 * 3 and set(study.config.models) == {"r1-distill-qwen-7b"}
    two, three = {"pass_rate", "length"}, {"pass_rate", "length", "bug"}
    found = {run.arm: (run.config.method, set(run.config.rewards)) for run in study.runs.values()}
    assert found == {
        "grpo-2": ("grpo", two),
        "gdpo-2": ("gdpo", two),
        "grpo-3": ("grpo", three),
        "gdpo-3": ("gdpo", three),
    }
    for run in study.runs.values():
        assert {reward.weight for reward in run.config.rewards.values()} == {1.0}
        assert run.config.training.filter_groups is True
        assert run.config.training.clip_ratio_high > run.config.training.clip_ratio_low


def test_published_figures_are_matched_by_the_rewards(study):
    kinds = {run.arm: published_as(run.config) for run in study.runs.values()}
    assert kinds == dict.fromkeys(("grpo-2", "gdpo-2"), "conditioned") | dict.fromkeys(
        ("grpo-3", "gdpo-3"), "conditioned + bug"
    )
    length = {"function": "length", "conditioned_on": {"reward": "pass_rate"}, "options": {"limit": 4000}}
    same = load_experiment(CONFIG / "code.yaml", {"rewards.length": length})
    assert {run.arm: published_as(run.config) for run in same.runs.values()} == kinds


def test_training_is_cleaned_of_all_benchmarks(study):
    problems = study.config.problems
    benchmarks = {name for made in problems.benchmarks.values() for name in made.datasets}
    assert set(problems.train.against()) == benchmarks
    assert {study.config.datasets[name].task for name in {*benchmarks, "eurus-code"}} == {"code"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"datasets.mbpp.task": "math"},
            "evaluation.metrics: pass_rate needs problems that unit_tests judges",
        ),
        ({"datasets.mbpp.columns.unit": ["x"]}, "columns.unit: without effect on the task code"),
        ({"evaluation.metrics": []}, "evaluation.shown: pass_rate must be in evaluation.metrics as well"),
        ({"datasets.mbpp.several_answers": "all"}, "several_answers: without effect on the task code"),
    ],
)
def test_a_mistake_is_named(changes, message):
    with pytest.raises(ConfigError) as error:
        load_experiment(CONFIG / "code.yaml", changes)
    assert message in str(error.value)


def test_a_task_s_suffix_takes_the_place_of_mathematics_alone(study):
    section, row = study.config.problems.train, {"problem": "Add.", "task": "code", "prompt": None}
    suffix = TASKS["code"].suffix
    assert prompt_of(section, row)[0]["content"] == f"Add. {suffix}"
    assert prompt_of(section.model_copy(update={"suffix": ""}), row)[0]["content"] == "Add."
    assert prompt_of(section, row | {"task": None})[0]["content"].endswith(r"within \boxed{}.")
    with pytest.raises(PluginError, match="has suffix=3: give a text"):

        @task(grader="unit_tests", suffix=3)
        def my_task(row): ...

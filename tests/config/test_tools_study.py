"""The tool-calling studies: the published settings, and mistakes in what is new with them."""

from pathlib import Path

import pytest
import yaml

from gdpo.config.datasets import Dataset
from gdpo.config.errors import ConfigError
from gdpo.config.experiment import load_experiment

CONFIG = Path(__file__).parents[2] / "config"
# The GDPO paper, section 4.1, and NVlabs' train_gdpo.sh.
PUBLISHED = {
    "steps": 100,
    "train_batch_size": 512,
    "ppo_mini_batch_size": 128,
    "responses_per_prompt": 4,
    "max_prompt_length": 2048,
    "max_response_length": 1024,
    "lr": 1e-6,
    "kl_loss_coef": 0.0,
    "clip_ratio_low": 0.2,
    "clip_ratio_high": 0.2,
    "entropy_coeff": 0.001,
    "loss_agg_mode": "token-mean",
    "filter_groups": False,
}


def test_the_paper_s_tool_runs_have_the_published_settings():
    study = load_experiment(CONFIG / "tools.yaml")
    assert len(study.runs) == 2 * 4 * 5
    for run in study.runs.values():
        training = run.config.training.model_dump()
        assert {key: training[key] for key in PUBLISHED} == PUBLISHED
        assert run.config.rewards.keys() == {"tool_format", "tool_correctness"}
        assert {reward.weight for reward in run.config.rewards.values()} == {1.0}
    kinds = {run.arm: run.config.shown_as() for run in study.runs.values() if "1.5b" in run.arm}
    assert list(kinds.values()) == ["grpo", "dr_grpo", "gdpo", "dgdo"]


def test_bfcl_s_categories_are_all_there_with_their_weights():
    study = load_experiment(CONFIG / "tools.yaml").config
    named = {n for made in study.problems.benchmarks.values() for n in made.datasets if n.startswith("bfcl")}
    options = {study.datasets[name].made.options["category"] for name in named}
    single, live = ["simple_python", "simple_java", "simple_javascript"], "live_simple"
    others = ["multiple", "parallel", "parallel_multiple", "irrelevance"]
    assert options == {*single, *others, live, *(f"live_{name}" for name in others), "live_relevance"}
    weights = study.evaluation.weights["bfcl-non-live"]
    share = {name: weight / sum(weights.values()) for name, weight in weights.items()}
    assert share["bfcl-multiple"] == pytest.approx(1 / 5)
    assert sum(share[f"bfcl-{name.replace('_', '-')}"] for name in single) == pytest.approx(1 / 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluation.shown": ["format", "mood"]}, "evaluation.shown: no entry 'mood'"),
        (
            {"evaluation.shown": ["response_length"]},
            "evaluation.shown: response_length is no share but in tokens",
        ),
        ({"evaluation.weights": {"bfcl": {}}}, "evaluation.weights: no entry 'bfcl'"),
        (
            {"evaluation.weights": {"requests": {"toy-tools-train": 1.0}}},
            "evaluation.weights.requests: must have exactly the benchmark's datasets; differs in "
            "toy-tools-test, toy-tools-train",
        ),
        ({"evaluation.weights": {"requests": {"toy-tools-test": 0.0}}}, "greater than 0"),
        (
            {"evaluation.weights": {"requests": {"toy-tools-test": 1.0}}},
            "evaluation.weights.requests: without effect on a benchmark of one dataset",
        ),
        (
            {"datasets.toy-tools-train.task": "math"},
            "rewards.tool_format: needs problems that tool_calls judges, and problems.train has some that",
        ),
        (
            {"training.validate_every": 5, "datasets.toy-tools-test.grader": "bfcl"},
            "problems.benchmarks.requests has some that bfcl judges",
        ),
        (
            {"datasets.toy-tools-test.grader": "choice"},
            "grader: choice judges the task math, and the dataset's is tool-calling",
        ),
        (
            {"datasets.toy-tools-test.task": "tool-caling"},
            "no task 'tool-caling'; did you mean tool-calling?",
        ),
        (
            {"problems.benchmarks.requests.suffix": "Think."},
            "problems.benchmarks.requests.suffix: without effect, as prompts of the task tool-calling",
        ),
        (
            {"datasets.toy-tools-test.made": {"source": "bfcl", "options": {"category": "multi_turn_base"}}},
            "no single-turn category 'multi_turn_base'; there are: simple_python, ",
        ),
    ],
)
def test_a_mistake_is_named(changes, message):
    with pytest.raises(ConfigError) as error:
        load_experiment(CONFIG / "tools-laptop.yaml", changes)
    assert message in str(error.value)


def test_arithmetic_cannot_be_weighed(tmp_path):
    for name in ("recipes",):
        (tmp_path / name).symlink_to(CONFIG / name)
    study = yaml.safe_load((CONFIG / "demo.yaml").read_text())
    study["evaluation"] = {"weights": {"in-distribution": {"a": 1}}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    with pytest.raises(ConfigError, match="evaluation.weights"):
        load_experiment(tmp_path / "study.yaml")


def test_defaults_of_a_source_of_ours_are_part_of_the_run_and_its_package_of_the_data():
    """A later default would else change the data under a finished run."""
    study = load_experiment(CONFIG / "tools-laptop.yaml", {"datasets.toy-tools-train.made.options.size": 64})
    made = next(iter(study.runs.values())).config.problems["catalogue"]["toy-tools-train"]["made"]
    assert made["options"]["size"] == 64 and made["options"]["requests"]["worked_out"] == 0.4
    mixed = {
        "datasets.toy-tools-train.made.options": {"split": "train", "size": 64, "requests": {"offered": 2}}
    }
    other = load_experiment(CONFIG / "tools-laptop.yaml", mixed)
    assert not set(study.runs) & set(other.runs)
    bfcl = load_experiment(CONFIG / "tools.yaml").config.datasets["bfcl-live-simple"]
    assert "bfcl-eval" in bfcl.content()


def test_a_made_dataset_is_written_with_the_defaults_of_its_source():
    # Else its rows would stay those of an older default, while its trainings have new ids.
    made = {"source": "toy_tools", "options": {"split": "train", "size": 5}}
    dataset = Dataset.model_validate({"licence": "made here", "task": "tool-calling", "made": made})
    options = dataset.resolved()["made"]["options"]
    assert options["size"] == 5 and options["seed"] == 0 and "mix" in options["requests"]
    assert Dataset.model_validate(dataset.resolved()).identity() == dataset.identity()

"""The experiment file: what it gives, and that each mistake is named before anything runs."""

import copy
from pathlib import Path

import pytest
import yaml

from gdpo.config.errors import ConfigError
from gdpo.config.experiment import load_experiment

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())


@pytest.fixture
def changed(tmp_path):
    """Load the demo experiment with changes: dotted key -> value."""

    def load(changes):
        values = copy.deepcopy(DEMO)
        for key, value in changes.items():
            *parents, last = key.split(".")
            section = values
            for parent in parents:
                section = section.setdefault(parent, {})
            section[last] = value
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False))
        return load_experiment(path)

    return load


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"trainig": {}}, ["study.yaml: trainig: unknown key", "did you mean training?"]),
        ({"training.step": 3}, ["study.yaml: training.step: unknown key", "did you mean steps?"]),
        ({"runs.gdpo.training": {"step": 3}}, ["study.yaml: runs.gdpo.training.step: unknown key"]),
        ({"training.steps": 0}, ["training.steps", "greater than 0", "given: 0"]),
        ({"training.lr": "fast"}, ["training.lr", "valid number", "'fast'"]),
        ({"training.ppo_mini_batch_size": 5}, ["ppo_mini_batch_size 5 must divide train_batch_size 16"]),
        ({"training.micro_batch_size_per_gpu": 48}, ["micro_batch_size_per_gpu: 48", "128 responses"]),
        ({"runs.grpo.method": "gpro"}, ["runs.grpo.method", "'grpo', 'gdpo' or 'dgdo'", "'gpro'"]),
        ({"rewards.length.options.limit": -3}, ["limit", "greater than 0", "-3"]),
        ({"rewards.length.options.limits": 3}, ["limits"]),
        ({"rewards.brevity": {}}, ["rewards.brevity: no reward function 'brevity'", "correctness"]),
        ({"rewards.lenght": {}}, ["no reward function 'lenght'", "did you mean length?"]),
        ({"rewards.length.weight": float("nan")}, ["weight", "finite"]),
        ({"runs.dgdo.algorithm.betta": 1}, ["runs.dgdo", "algorithm.betta", "beta"]),
        ({"runs.dgdo.algorithm.beta": 2}, ["runs.dgdo", "beta", "2"]),
        ({"runs.dgdo.algorithm.min_weight": 0.6}, ["runs.dgdo", "min_weight is 0.6", "at most 0.5"]),
        (
            {"runs.dgdo.algorithm.importance_priors": {"lenght": 2.0}},
            ["importance_priors", "lenght", "length"],
        ),
        ({"runs.start": {"method": "grpo"}}, ["start"]),
        ({"runs.a/b": {"method": "grpo"}}, ["a/b"]),
        ({"problems.benchmarks.arithmetic.split": "train"}, ["problems.benchmarks.arithmetic.split"]),
        ({"hardware.platform": "tpu"}, ["hardware.platform", "'cpu' or 'cuda'", "'tpu'"]),
        ({"evaluation.sampling.n": 0}, ["evaluation.sampling.n", "given: 0"]),
    ],
)
def test_a_mistake_is_named(changed, changes, parts):
    with pytest.raises(ConfigError) as error:
        changed(changes)
    for part in parts:
        assert part in str(error.value)


def test_a_missing_data_file_is_named(changed, monkeypatch, tmp_path):
    problems = {"problems.train": {"source": "math-file", "file": "train_math.json"}}
    monkeypatch.delenv("GDPO_DATA_MIRROR", raising=False)
    with pytest.raises(
        ConfigError, match="problems.train.file: set the environment variable GDPO_DATA_MIRROR"
    ):
        changed(problems)
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))
    with pytest.raises(ConfigError, match="train_math.json does not exist; put train_math.json there"):
        changed(problems)


def test_an_unknown_experiment_lists_what_there_is():
    with pytest.raises(ConfigError, match=r"no such experiment file; .*config has: .*demo"):
        load_experiment(ROOT / "config" / "demmo.yaml")


def test_a_run_holds_what_is_shared_and_what_it_changes(changed):
    runs = changed(
        {
            "seeds": [1, 2],
            "runs.gdpo": {"method": "gdpo", "training": {"lr": 1e-5}, "rewards": {"length": {"weight": 0.5}}},
            "runs.dgdo.seeds": [7],
        }
    ).run_configs()
    assert set(runs) == {"grpo-seed1", "grpo-seed2", "gdpo-seed1", "gdpo-seed2", "dgdo-seed7"}
    gdpo, grpo = runs["gdpo-seed1"], runs["grpo-seed1"]
    assert (gdpo.training.lr, grpo.training.lr) == (1e-5, DEMO["training"]["lr"])
    assert gdpo.rewards["length"].weight == 0.5
    assert gdpo.rewards["length"].options == DEMO["rewards"]["length"]["options"]
    assert grpo.rewards["length"].weight == 1.0


def test_the_resolved_run_writes_every_default_and_reads_back(changed):
    from gdpo.config.run import RunConfig

    run = changed({}).run_configs()["dgdo-seed1"]
    resolved = run.resolved()
    assert resolved["algorithm"]["beta"] == 0.9
    assert {"warmup_steps", "min_weight", "invert"} <= set(resolved["algorithm"])
    assert resolved["training"]["clip_ratio_high"] == 0.28
    assert RunConfig.model_validate(resolved).resolved() == resolved


def test_the_length_limit_is_the_rewards(changed):
    assert changed({}).length_limit() == DEMO["rewards"]["length"]["options"]["limit"]
    assert changed({"evaluation.length_limit": 9}).length_limit() == 9


def test_every_shipped_experiment_is_valid(monkeypatch, tmp_path):
    for name in ("train_math", "test_aime", "test_math"):
        (tmp_path / f"{name}.json").write_text("[]")
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))
    experiments = [p for p in (ROOT / "config").glob("*.yaml") if p.stem != "default"]
    assert len(experiments) >= 2
    for path in experiments:
        assert load_experiment(path).name == path.stem

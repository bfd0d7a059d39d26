"""What a rehearsal changes of an experiment: sizes and the machine, and nothing else."""

from pathlib import Path

import pytest

from gdpo.config.experiment import load_experiment
from gdpo.rehearsal.experiment import longest, rehearse

CONFIG = Path(__file__).parents[2] / "config"
SIZES = {"steps", "train_batch_size", "ppo_mini_batch_size", "responses_per_prompt", "max_response_length"}
SIZES |= {"micro_batch_size_per_gpu", "checkpoint_every", "validate_every"}


@pytest.fixture
def mirror(monkeypatch, tmp_path):
    for name in ("train_math", "train_aime", "test_aime", "test_amc", "test_math"):
        (tmp_path / f"{name}.json").write_text("[]")
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIG.glob("*.yaml")))
def test_every_study_differs_from_its_rehearsal_in_sizes_alone(name, mirror):
    real = load_experiment(CONFIG / f"{name}.yaml")
    small = rehearse(real)
    by_arm = {}
    for run in real.runs.values():
        by_arm.setdefault(run.arm, run)
    assert [run.arm for run in small.runs.values()] == list(by_arm)
    for run in small.runs.values():
        one, other = by_arm[run.arm].resolved, run.resolved
        assert one["training"].keys() == other["training"].keys()
        changed = {key for key in one["training"] if one["training"][key] != other["training"][key]}
        assert changed <= SIZES
        for key in ("method", "algorithm", "seed", "problems", "algorithm_version"):
            assert one[key] == other[key]
        for reward, theirs in one["rewards"].items():
            ours = other["rewards"][reward]
            assert (ours["function"], ours["weight"]) == (theirs["function"], theirs["weight"])
        assert other["hardware"]["platform"] == "cpu"
        # Never the real one's checkpoint, nor its results.
        assert run.id not in real.runs
    assert small.name == f"rehearsals/{name}"
    assert list(small.config.problems.benchmarks) == list(real.config.problems.benchmarks)
    assert small.config.monitoring.wandb == "disabled"


def test_the_limit_of_length_keeps_its_share_of_the_longest_response(mirror):
    paper = rehearse(load_experiment(CONFIG / "paper.yaml"))
    assert paper.length_limit() == 20
    assert {run.config.rewards["length"].options["limit"] for run in paper.runs.values()} == {20}
    fork = rehearse(load_experiment(CONFIG / "fork.yaml"))
    assert fork.length_limit() == longest(fork.config) == 40, "there the reward is constant, and stays so"


def test_what_only_the_real_machine_or_model_can_do_is_left_out(mirror):
    changes = {"training.filter_groups": "all", "training.rollout_is": "token"}
    changes |= {"training.rollout_is_threshold": 3.0, "evaluation.sampling.vllm": {"enforce_eager": True}}
    small = rehearse(load_experiment(CONFIG / "paper.yaml", changes))
    assert small.config.evaluation.sampling.vllm == {}
    assert {run.config.training.filter_groups for run in small.runs.values()} == {True}


def test_several_mini_batches_stay_several(mirror):
    runs = rehearse(load_experiment(CONFIG / "paper.yaml")).runs.values()
    assert all(r.config.training.ppo_mini_batch_size < r.config.training.train_batch_size for r in runs)

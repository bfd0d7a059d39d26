"""The GPU path's rollouts and evaluation: the real vLLM, in its build for CPUs (``make test-vllm``)."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from gdpo.config.run import RunConfig
from gdpo.parquet import read_table
from gdpo.plugins.loading import load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("vllm") is None, reason="no vLLM here: make test-vllm installs it"
    ),
]

STEPS = 4
PLUGIN = """
from gdpo.plugins import reward

@reward(group=True)
def place(responses):
    assert len({response.problem.id for response in responses}) == 1
    return [index / len(responses) for index in range(len(responses))]

@reward
def asks_a_sum(response):
    return float("+" in response.problem.question)
"""
"""A reward of whole groups, which veRL's agent loop does not know, and one that reads the prompt."""


def gdpo(*arguments: object, **variables: str) -> str:
    """What a command prints."""
    environment = os.environ | variables | {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_NO_USAGE_STATS": "1"}
    command = [sys.executable, "-m", "gdpo.cli", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr


def log_probs(model: Path, prompt: list[int], response: list[int], temperature: float = 1.0) -> torch.Tensor:
    """Of each response token, from transformers: one forward pass over the whole text."""
    policy = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    with torch.no_grad():
        logits = policy(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1] / temperature
    return logits.log_softmax(-1).gather(-1, torch.tensor(response)[:, None])[:, 0]


@pytest.fixture(scope="module")
def trained(toy, tmp_path_factory):
    """A few steps of DGDO whose rollouts vLLM draws, with a validation, and its export."""
    out = tmp_path_factory.mktemp("vllm")
    values = {
        "method": "dgdo",
        "algorithm": {"warmup_steps": 1},
        "rewards": {
            "correctness": {},
            "length": {"options": {"limit": 20}},
            "place": {"weight": 0},
            "asks_a_sum": {"weight": 0},
        },
        "training": {
            "steps": STEPS,
            "lr": 1e-3,
            "train_batch_size": 8,
            "ppo_mini_batch_size": 8,
            "responses_per_prompt": 4,
            "max_response_length": 48,
            "checkpoint_every": 2,
            "validate_every": 2,
        },
        "hardware": {"rollout": "vllm"},
    }
    (out / "plugin.py").write_text(PLUGIN)
    load([str(out / "plugin.py")])
    run = RunConfig.model_validate(values)
    run = run.model_copy(update={"plugins": run.plugin_code()})
    (out / "run.json").write_text(json.dumps(run.resolved()))
    data = [toy / "train.parquet", toy / "validation.parquet", toy / "model", out / "checkpoints"]
    written = [out / "metrics.parquet", out / "summary.json", "--log", out / "train.log"]
    named = {"GDPO_PLUGINS": str(out / "plugin.py")}
    gdpo("train", out / "run.json", *data, *written, "--label", "vllm", "--wandb", "disabled", **named)
    gdpo("export", out / "summary.json", out / "checkpoints", out / "model")
    return out


def test_vllm_s_rollouts_have_the_trainer_s_log_probs_at_every_step(trained, toy):
    metrics = (
        read_table(trained / "metrics.parquet").to_pandas().dropna(subset=["training/rollout_probs_diff_max"])
    )
    assert len(metrics) == STEPS
    # veRL compares what vLLM says of each drawn token with its own pass over it, after each weight sync.
    assert metrics["training/rollout_probs_diff_max"].max() < 1e-4
    # Without the syncs it could not: training has moved the policy much further than that.
    text = list(range(5, 25))
    before, after = (log_probs(model, text[:5], text[5:]) for model in (toy / "model", trained / "model"))
    assert (before.exp() - after.exp()).abs().max() > 1e-2


def test_rewards_and_validation_come_from_vllm_s_responses(trained):
    metrics = read_table(trained / "metrics.parquet").to_pandas()
    steps = metrics.dropna(subset=["reward/length/mean"])
    assert len(steps) == STEPS and steps["reward/length/mean"].between(0, 1).all()
    assert steps["dgdo/reward_length/weight"].notna().all()
    # Before training, and every second step.
    (validation,) = [name for name in metrics if name.startswith("val-core/")]
    assert metrics[validation].notna().sum() == 1 + STEPS // 2


def test_rewards_of_groups_and_of_prompts_come_from_reward_workers(trained):
    steps = read_table(trained / "metrics.parquet").to_pandas().dropna(subset=["reward/place/mean"])
    # 0, 1/4, 2/4 and 3/4 in each group, whichever response ended first.
    assert steps["reward/place/mean"].tolist() == [0.375] * STEPS
    assert (steps["reward/place/max"] == 0.75).all() and (steps["reward/place/zero_std_share"] == 0).all()
    assert steps["reward/asks_a_sum/zero_std_share"].tolist() == [1.0] * STEPS
    assert steps["reward/asks_a_sum/mean"].between(0, 1).all()


def sampled(backend: str, toy: Path, model: Path, folder: Path, **changes):
    """Samples that one backend draws of the validation problems."""
    section = {"backend": backend, "n": 1, "max_tokens": 24, "temperature": 0, "top_p": 1.0} | changes
    (folder / "sampling.json").write_text(json.dumps(section))
    made = [model, toy / "validation.parquet", folder / "sampling.json", folder / "samples.parquet"]
    gdpo("sample", *made, "--store", folder / "store")
    return read_table(folder / "samples.parquet").to_pandas()


def test_an_evaluation_with_vllm_finds_what_transformers_finds(trained, toy, tmp_path):
    found = {}
    for backend in ("vllm", "transformers"):
        (tmp_path / backend).mkdir()
        found[backend] = sampled(backend, toy, trained / "model", tmp_path / backend)
    ours, theirs = found["vllm"], found["transformers"]
    assert ours["token_ids"].map(list).tolist() == theirs["token_ids"].map(list).tolist()
    assert (ours["backend"] == "vllm").all() and ours["engine_version"].str.endswith("+cpu").all()
    assert ours["stop_reason"].tolist() == theirs["stop_reason"].tolist()
    samples, scores = tmp_path / "vllm" / "samples.parquet", tmp_path / "scores.parquet"
    gdpo("score", samples, toy / "validation.parquet", scores)
    assert len(read_table(scores)) == len(ours) == 8


def test_more_samples_leave_vllm_s_earlier_ones_as_they_are(trained, toy, tmp_path):
    few, many = (tmp_path / name for name in ("few", "many"))
    few.mkdir(), many.mkdir()
    options = {"temperature": 0.6, "top_p": 0.95}
    first = sampled("vllm", toy, trained / "model", few, n=2, **options)
    all_of_them = sampled("vllm", toy, trained / "model", many, n=3, **options)
    kept = all_of_them[all_of_them["sample_index"] < 2].reset_index(drop=True)
    assert kept["token_ids"].map(list).tolist() == first["token_ids"].map(list).tolist()

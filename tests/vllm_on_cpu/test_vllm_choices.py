"""Keys that only vLLM's rollouts have a use for, with the real vLLM (``make test-vllm``)."""

import json

import pytest
from safetensors.torch import load_file
from test_vllm import gdpo, pytestmark, sampled

from gdpo.config.run import RunConfig
from gdpo.parquet import read_table

__all__ = ["pytestmark"]


@pytest.fixture(scope="module")
def trained(toy, tmp_path_factory):
    """Two steps of LoRA with a correction, a filter of groups and a keyword of vLLM's engine."""
    out = tmp_path_factory.mktemp("vllm-choices")
    training = {"steps": 2, "lr": 1e-2, "train_batch_size": 8, "ppo_mini_batch_size": 8}
    training |= {"responses_per_prompt": 4, "max_response_length": 48, "filter_groups": "length"}
    training |= {"lora_rank": 4, "lora_alpha": 8, "rollout_is": "token", "rollout_is_threshold": 0.5}
    engine = {"rollout": {"engine_kwargs": {"vllm": {"max_num_batched_tokens": 512}}}}
    values = {
        "method": "gdpo",
        "rewards": {"correctness": {}, "length": {"options": {"limit": 20}}},
        "training": training,
        "hardware": {"rollout": "vllm"},
        "verl": {"actor_rollout_ref": engine},
    }
    (out / "run.json").write_text(json.dumps(RunConfig.model_validate(values).resolved()))
    data = [toy / "train.parquet", toy / "validation.parquet", toy / "model", out / "checkpoints"]
    written = [out / "metrics.parquet", out / "summary.json", "--log", out / "train.log"]
    gdpo("train", out / "run.json", *data, *written, "--label", "choices", "--wandb", "disabled")
    gdpo("export", out / "summary.json", out / "checkpoints", out / "model")
    return out


def test_vllm_draws_with_the_adapters(trained, toy):
    metrics = read_table(trained / "metrics.parquet").to_pandas()
    assert metrics["training/rollout_probs_diff_max"].max() < 1e-4
    before, after = (load_file(folder / "model.safetensors") for folder in (toy / "model", trained / "model"))
    changed = [name for name, value in before.items() if (after[name] - value).abs().max() > 1e-3]
    assert len(changed) == 14, "the linear layers of two blocks"


def test_ratios_are_truncated_and_groups_filtered(trained):
    metrics = read_table(trained / "metrics.parquet").to_pandas()
    assert metrics["rollout_corr/rollout_is_mean"].to_numpy() == pytest.approx(0.5, abs=1e-3)
    assert metrics["reward/length/zero_std_share"].tolist() == [0, 0]


def test_the_engine_gets_the_keyword(trained):
    assert "'max_num_batched_tokens': 512" in (trained / "train.log").read_text()


def test_an_evaluation_s_engine_gets_its_keyword(trained, toy, tmp_path):
    """One that changes no token, and one whose value vLLM refuses before it loads weights."""
    plain, changed = (tmp_path / name for name in ("plain", "changed"))
    plain.mkdir(), changed.mkdir()
    one = sampled("vllm", toy, trained / "model", plain)
    other = sampled("vllm", toy, trained / "model", changed, vllm={"max_num_batched_tokens": 512})
    assert one["token_ids"].map(list).tolist() == other["token_ids"].map(list).tolist()
    with pytest.raises(AssertionError, match="gpu_memory_utilization\n *Input should be greater than 0"):
        sampled("vllm", toy, trained / "model", changed, vllm={"gpu_memory_utilization": -1}, seed=2)

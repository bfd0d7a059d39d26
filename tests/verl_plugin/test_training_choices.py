"""Real training with the keys of veRL that a config names: LoRA, losses, entropy, corrections, groups."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from test_training import train, write_run
from transformers import AutoConfig, AutoModelForCausalLM

from gdpo.config.memory import ModelShape
from gdpo.verl_plugin import launch
from gdpo.verl_plugin.export import export_checkpoint

pytestmark = pytest.mark.slow

RANK, ALPHA = 4, 8


def config_of(out: Path, steps: int, seed: int = 1, **changes) -> Path:
    training = json.loads(write_run(out).read_text())["training"] | {"steps": steps} | changes
    return write_run(out, method="gdpo", algorithm={}, training=training, seed=seed)


def metrics_of(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "run" / "metrics.parquet")


def checkpoint_of(out: Path) -> Path:
    return out / "checkpoints" / json.loads((out / "run" / "summary.json").read_text())["checkpoint"]


def trainers_weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """What the training worker itself saved, adapters apart."""
    file = checkpoint / "actor" / "model_world_size_1_rank_0.pt"
    loaded = torch.load(file, weights_only=False)
    return {
        name: value.full_tensor() if hasattr(value, "full_tensor") else value
        for name, value in loaded.items()
    }


LORA = {"lora_rank": RANK, "lora_alpha": ALPHA, "lr": 1e-2, "kl_loss_coef": 1e-3, "checkpoint_every": 1}


@pytest.fixture(scope="module")
def lora(toy, tmp_path_factory):
    """Two steps that train adapters alone, with a KL loss to the model without them."""
    out = tmp_path_factory.mktemp("lora")
    train(toy, out, config_of(out, 2, **LORA), "lora")
    return out


def test_lora_trains_adapters_alone_and_samples_with_them(lora, toy):
    metrics = metrics_of(lora)
    assert (metrics["actor/grad_norm"] > 0).all()
    # The second step's responses are of the merged weights: the trainer finds their log-probabilities again.
    assert metrics["actor/ppo_kl"].abs().max() < 1e-6 and metrics["actor/pg_clipfrac"].max() == 0
    before, after = load_file(toy / "model" / "model.safetensors"), trainers_weights(checkpoint_of(lora))
    prefix, frozen = "base_model.model.", 0
    for name, value in before.items():
        [found] = [
            key for key in (name, name.replace(".weight", ".base_layer.weight")) if prefix + key in after
        ]
        assert torch.equal(after[prefix + found], value), name
        frozen += "base_layer" in found
    assert frozen == 14, "seven linear layers in each of two blocks"
    up = [value for name, value in after.items() if ".lora_B." in name]
    config = AutoConfig.from_pretrained(toy / "model")
    shape = ModelShape(
        layers=config.num_hidden_layers,
        hidden_size=config.hidden_size,
        feed_forward_size=config.intermediate_size,
        heads=config.num_attention_heads,
        key_value_heads=config.num_key_value_heads,
        head_size=config.head_dim,
        vocabulary=config.vocab_size,
    )
    trained = sum(value.numel() for name, value in after.items() if ".lora_" in name)
    assert shape.adapter_parameters(RANK) == trained  # as the estimate of GPU memory counts them
    assert len(up) == 14 and all(value.abs().max() > 1e-3 and value.shape[1] == RANK for value in up)


def test_lora_s_export_is_the_base_with_the_adapters_added(lora, toy, tmp_path):
    checkpoint = checkpoint_of(lora)
    export_checkpoint(checkpoint, tmp_path / "model")
    before, saved = load_file(toy / "model" / "model.safetensors"), trainers_weights(checkpoint)
    exported = load_file(tmp_path / "model" / "model.safetensors")
    assert set(exported) == set(before)
    for name, value in before.items():
        a, b = (
            saved.get(f"base_model.model.{name.replace('.weight', f'.lora_{part}.default.weight')}")
            for part in "AB"
        )
        expected = value if a is None else value + b @ a * ALPHA / RANK
        torch.testing.assert_close(exported[name], expected, rtol=0, atol=1e-7)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    loaded = dict(model.named_parameters())
    assert all(torch.equal(loaded[name], value) for name, value in exported.items() if name in loaded)


def test_lora_goes_on_from_a_checkpoint_as_if_nothing_had_been(lora, toy, tmp_path):
    whole = trainers_weights(checkpoint_of(lora))
    shutil.copytree(lora, tmp_path / "again")
    shutil.rmtree(checkpoint_of(tmp_path / "again"))
    train(toy, tmp_path / "again", tmp_path / "again" / "run.json", "again")
    again = trainers_weights(checkpoint_of(tmp_path / "again"))
    assert all(torch.equal(again[name], value) for name, value in whole.items())


def test_adapters_start_from_the_run_s_seed(lora, toy, tmp_path):
    def down(checkpoint: Path) -> torch.Tensor:
        weights = trainers_weights(checkpoint)
        return torch.cat([value.flatten() for name, value in weights.items() if ".lora_A." in name])

    first = down(checkpoint_of(lora).with_name("global_step_1"))
    others = {}
    for seed in (1, 2):
        out = tmp_path / str(seed)
        out.mkdir()
        train(toy, out, config_of(out, 1, seed=seed, **LORA), f"seed {seed}")
        others[seed] = down(checkpoint_of(out))
    assert torch.equal(first, others[1])
    # A step of Adam at this rate moves a weight by 0.01; two draws of one differ by 0.05 on average.
    assert (first - others[2]).abs().mean() > 0.03


def test_every_reward_varies_in_every_group(toy, tmp_path):
    """And another loss with an entropy bonus: the entropy is in the loss, in nats."""
    config = config_of(
        tmp_path, 2, filter_groups="all", policy_loss="gspo", entropy_coeff=0.01, responses_per_prompt=8
    )
    train(toy, tmp_path, config, "all")
    metrics = metrics_of(tmp_path)
    for name in ("correctness", "length"):
        assert metrics[f"reward/{name}/zero_std_share"].tolist() == [0, 0]
    assert (metrics["training/filter_groups/evicted_samples"] > 0).all()
    assert metrics["actor/entropy_loss"].between(0.1, 3.3).all()  # ln 26 = 3.26 tokens at most
    assert metrics["actor/ppo_kl"].abs().max() < 1e-6


def test_a_rule_that_keeps_too_little_says_so(toy, tmp_path):
    rewards = {"correctness": {}, "length": {"constant": True, "options": {"limit": 1000}}}
    training = json.loads(write_run(tmp_path).read_text())["training"] | {
        "steps": 1,
        "filter_groups": "length",
    }
    config = write_run(tmp_path, method="gdpo", algorithm={}, rewards=rewards, training=training)
    with pytest.raises(launch.TrainingFailed, match="reward length varies in too few groups: 160 prompts"):
        train(toy, tmp_path, config, "too few")


def test_a_truncated_ratio_weighs_the_loss(toy, tmp_path, monkeypatch):
    """Ratios are 1 here, so that a threshold of a half halves the gradient."""
    norms, overrides = [], launch.verl_overrides
    correction = "algorithm.rollout_correction"
    token = [f"{correction}.bypass_mode=false", f"{correction}.rollout_is=token"]
    for name, more in (("plain", []), ("half", [*token, f"{correction}.rollout_is_threshold=0.5"])):
        # A config refuses it on a CPU, where it is of no use; a GPU's overrides are these.
        monkeypatch.setattr(launch, "verl_overrides", lambda *a, more=more: [*overrides(*a), *more])
        out = tmp_path / name
        out.mkdir()
        train(toy, out, config_of(out, 1), name)
        norms.append(metrics_of(out)["actor/grad_norm"].item())
        if more:
            assert metrics_of(out)["rollout_corr/rollout_is_mean"].item() == pytest.approx(0.5)
    assert norms[1] == pytest.approx(norms[0] / 2, rel=1e-3)


def test_a_key_of_verl_reaches_the_training(toy, tmp_path):
    """Two epochs a batch: the second starts from other weights than those that drew the responses."""
    values = {"verl": {"actor_rollout_ref": {"actor": {"ppo_epochs": 2}}}}
    training = json.loads(write_run(tmp_path).read_text())["training"] | {"steps": 1, "lr": 1e-2}
    train(
        toy, tmp_path, write_run(tmp_path, method="gdpo", algorithm={}, training=training, **values), "twice"
    )
    assert metrics_of(tmp_path)["actor/ppo_kl"].abs().item() > 1e-5

"""Export of a checkpoint: fp32 stays fp32, and half a checkpoint is refused."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from gdpo.checkpoints import CheckpointError, seal
from gdpo.verl_plugin.export import export_checkpoint


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint's Hugging Face part as veRL writes it: fp32 weights under a config that says bfloat16."""
    config = LlamaConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, vocab_size=16
    )
    model = LlamaForCausalLM(config)
    folder = tmp_path / "global_step_3" / "actor" / "huggingface"
    model.save_pretrained(folder)
    written = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(written | {"dtype": "bfloat16", "attn_implementation": "sdpa"})
    )
    return tmp_path / "global_step_3", model


def test_weights_come_back_bit_for_bit_in_fp32(checkpoint, tmp_path):
    folder, model = checkpoint
    export_checkpoint(folder, tmp_path / "out")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto")
    assert loaded.dtype == torch.float32
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name])
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["dtype"] == "float32"
    assert set(manifest["files"]) == {"config.json", "generation_config.json", "model.safetensors"}


def test_a_checkpoint_without_weights_is_refused_and_nothing_is_written(checkpoint, tmp_path):
    folder, _ = checkpoint
    (folder / "actor" / "huggingface" / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="safetensors"):
        export_checkpoint(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_checkpoint_is_refused_and_says_what_to_do(checkpoint, tmp_path):
    folder, _ = checkpoint
    (folder / "data.pt").write_bytes(b"x")
    seal(folder)
    export_checkpoint(folder, tmp_path / "whole")
    (folder / "data.pt").write_bytes(b"y")
    with pytest.raises(
        CheckpointError, match=r"data.pt is damaged.*Remove the run's summary.json and run again"
    ):
        export_checkpoint(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()

"""LoRA adapters are added to exported weights, wherever they lie; values by hand."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from gdpo.verl_plugin.lora import META, has_adapters, merge_adapters

LAYER = "base_model.model.model.layers.0.mlp.up_proj"
INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_layer_whose_adapters_lie_in_another_file(tmp_path, dtype):
    source, out = tmp_path / "actor" / "huggingface", tmp_path / "out"
    source.mkdir(parents=True)
    out.mkdir()
    assert not has_adapters(tmp_path)
    (tmp_path / "actor" / META).write_text(json.dumps({"r": 1, "lora_alpha": 3, "task_type": "CAUSAL_LM"}))
    assert has_adapters(tmp_path)
    first = {
        f"{LAYER}.base_layer.weight": torch.tensor([[1, 2], [3, 4]], dtype=dtype),
        f"{LAYER}.base_layer.bias": torch.tensor([5, 6], dtype=dtype),
        f"{LAYER}.lora_A.default.weight": torch.tensor([[1, 10]], dtype=dtype),
    }
    second = {
        f"{LAYER}.lora_B.default.weight": torch.tensor([[2], [1]], dtype=dtype),
        "base_model.model.lm_head.weight": torch.tensor([[7]], dtype=dtype),
    }
    for number, tensors in enumerate((first, second), 1):
        save_file(tensors, source / f"model-0000{number}-of-00002.safetensors")
    (source / INDEX).write_text("{}")
    merge_adapters(tmp_path, out)
    one, two = (load_file(out / f"model-0000{number}-of-00002.safetensors") for number in (1, 2))
    weight = one.pop("model.layers.0.mlp.up_proj.weight")
    # 3 x [[2], [1]] @ [[1, 10]] = [[6, 60], [3, 30]]
    assert weight.tolist() == [[7, 62], [6, 34]] and weight.dtype == dtype
    assert one.keys() == {"model.layers.0.mlp.up_proj.bias"} and two["lm_head.weight"].tolist() == [[7]]
    index = json.loads((out / INDEX).read_text())
    assert index["metadata"]["total_size"] == 7 * dtype.itemsize
    assert index["weight_map"] == {
        "model.layers.0.mlp.up_proj.weight": "model-00001-of-00002.safetensors",
        "model.layers.0.mlp.up_proj.bias": "model-00001-of-00002.safetensors",
        "lm_head.weight": "model-00002-of-00002.safetensors",
    }

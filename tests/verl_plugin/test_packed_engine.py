"""veRL's own FSDP engine, packing as on a GPU, with our attention and cross entropy for flash-attn's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# In a process of its own: veRL reads its environment when it is imported. Only CUDA's kernel is replaced.
ENGINE = """
import json, sys
from types import SimpleNamespace
import torch
import torch.distributed
from plain_varlen import plain_varlen_attn
from tensordict import NonTensorData, TensorDict
from torch.nn.attention import varlen
from transformers import AutoModelForCausalLM, Qwen3Config

varlen.varlen_attn = plain_varlen_attn
from verl.utils import torch_functional
from verl.workers.config import HFModelConfig
from verl.workers.engine.fsdp import transformer_impl
from gdpo.verl_plugin.cuda import VARLEN_ATTENTION

folder = sys.argv[1]
torch_functional.logprobs_from_logits_v2 = lambda *args: sys.exit("a loop over every token")
torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/group", rank=0, world_size=1)
torch.manual_seed(0)
size = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "vocab_size": 23}
heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "initializer_range": 0.3}
AutoModelForCausalLM.from_config(Qwen3Config(**size, **heads)).save_pretrained(folder)
engine = object.__new__(transformer_impl.FSDPEngineWithLMHead)
engine.model_config = HFModelConfig(
    path=folder, load_tokenizer=False, override_config={"attn_implementation": VARLEN_ATTENTION},
    enable_gradient_checkpointing=True,
)
engine.engine_config = SimpleNamespace(
    model_dtype=None, forward_only=False, entropy_checkpointing=False, entropy_from_logits_with_chunking=False
)
engine.device_mesh, engine.use_remove_padding, engine.ulysses_sequence_parallel_size = None, True, 1
engine.use_ulysses_sp, engine.pad_to_length = False, False
engine.compute_entropy_from_logits = torch_functional.entropy_from_logits
module = engine.module = engine._build_module().train()

lengths, temperature = [5, 1, 12, 3], 0.7
sequences = [torch.randint(23, (length,)) for length in lengths]
alone = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
def nested(tensors):
    return torch.nested.as_nested_tensor(tensors, layout=torch.jagged)
differences = []
for entropy in (False, True):
    micro = TensorDict(
        {"input_ids": nested(sequences), "position_ids": nested([torch.arange(n) for n in lengths]),
         "temperature": torch.full((4,), temperature), "calculate_entropy": NonTensorData(entropy)},
        batch_size=[4],
    )
    inputs, arguments = engine.prepare_model_inputs(micro)
    found = engine.prepare_model_outputs(module(**inputs, use_cache=False), arguments, micro, None)
    weights = [torch.linspace(-1, 1, n - 1) for n in lengths]
    module.zero_grad(), alone.zero_grad()
    ours = [part[:-1] for part in found["log_probs"].unbind()]
    logits = [alone(input_ids=ids[None]).logits[0, :-1] / temperature for ids in sequences]
    theirs = [part.log_softmax(-1)[torch.arange(len(part)), ids[1:]] for part, ids in zip(logits, sequences)]
    for parts in (ours, theirs):
        sum((part * weight).sum() for part, weight in zip(parts, weights)).backward()
    pairs = [*zip(ours, theirs), *((a.grad, b.grad) for a, b in zip(module.parameters(), alone.parameters()))]
    differences.append(max(float((a - b).abs().max()) for a, b in pairs if a.numel()))
print("FOUND" + json.dumps([module.config._attn_implementation, *differences]))
"""


def test_packed_log_probs_and_gradients_are_those_of_each_sequence_alone(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "VERL_PLATFORM"}
    environment |= {
        "VERL_USE_EXTERNAL_MODULES": "gdpo.verl_plugin.register",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
    }
    process = subprocess.run(
        [sys.executable, "-c", ENGINE, str(tmp_path)], env=environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr[-3000:]
    name, *differences = json.loads(process.stdout.split("FOUND")[1])
    assert name == "gdpo_varlen"
    assert max(differences) < 1e-4

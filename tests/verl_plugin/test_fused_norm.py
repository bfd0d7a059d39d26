"""RMSNorm's own gradient: transformers' numbers, and a true gradient."""

import pytest
import torch
from transformers import GemmaConfig, GemmaForCausalLM, Qwen3Config, Qwen3ForCausalLM
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from gdpo.verl_plugin.cpu.fused_norm import rms_norm, use_fused_norm

SMALL = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}


def test_output_and_gradients_are_transformers():
    torch.manual_seed(0)
    norm = LlamaRMSNorm(24, eps=1e-5)
    norm.weight.data.normal_()
    x, towards = torch.randn(3, 7, 24, requires_grad=True), torch.randn(3, 7, 24)
    norm(x).backward(towards)
    expected = norm(x).detach(), x.grad, norm.weight.grad
    x.grad = norm.weight.grad = None
    found = rms_norm(x, norm.weight, 1e-5)
    found.backward(towards)
    for mine, theirs in zip((found, x.grad, norm.weight.grad), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


def test_the_gradient_is_the_functions_slope():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, dtype=torch.double, requires_grad=True)
    weight = torch.randn(5, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, weight: rms_norm(x, weight, 1e-3), (x, weight))


@pytest.mark.parametrize(
    "make", [lambda: Qwen3ForCausalLM(Qwen3Config(**SMALL)), lambda: GemmaForCausalLM(GemmaConfig(**SMALL))]
)
def test_a_model_computes_the_same_with_it(make):
    """Qwen3 norms its heads as well; Gemma's norms are of another formula, and stay."""
    torch.manual_seed(0)
    model, ids = make(), torch.arange(20)[None]
    for name, parameter in model.named_parameters():
        if "norm" in name:
            parameter.data.normal_()
    expected = model(ids).logits
    use_fused_norm(model)
    torch.testing.assert_close(model(ids).logits, expected, rtol=1e-4, atol=1e-4)

"""One token a row in few operations against transformers' own forward pass."""

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from gdpo.sampling.cache import GrowingCache
from gdpo.sampling.one_token import OneToken

SIZE = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "vocab_size": 23}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 1e4,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
MODELS = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZE, **HEADS, initializer_range=0.3)),
    "tied": lambda: LlamaForCausalLM(LlamaConfig(**SIZE, **HEADS, tie_word_embeddings=True)),
    "every head": lambda: LlamaForCausalLM(LlamaConfig(**SIZE, num_attention_heads=4)),
    "llama3": lambda: LlamaForCausalLM(LlamaConfig(**SIZE, **HEADS, rope_parameters=LLAMA3)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZE, **HEADS, initializer_range=0.3)),
}
OTHERS = {
    "half": lambda: MODELS["llama"]().to(torch.bfloat16),
    "gemma": lambda: Gemma2ForCausalLM(Gemma2Config(**SIZE, **HEADS, head_dim=8)),
    "sliding": lambda: Qwen2ForCausalLM(
        Qwen2Config(**SIZE, **HEADS, use_sliding_window=True, sliding_window=4, max_window_layers=1)
    ),
    "bias": lambda: LlamaForCausalLM(LlamaConfig(**SIZE, **HEADS, attention_bias=True)),
    "dynamic": lambda: LlamaForCausalLM(
        LlamaConfig(
            **SIZE, **HEADS, rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}
        )
    ),
}


def randomised(model):
    """Weights of norms and biases other than ones and zeros."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name or "bias" in name:
                weight.uniform_(0.5, 2)
    return model.eval()


@pytest.mark.parametrize("name", MODELS)
@torch.inference_mode()
def test_logits_are_those_of_the_whole_sequences(name):
    torch.manual_seed(0)
    model = randomised(MODELS[name]())
    assert OneToken.fits(model)
    lengths, more = [7, 3, 1], 5
    ids = torch.randint(23, (3, 7 + more))
    starts = torch.tensor([7 - length for length in lengths])
    cache = GrowingCache(model.config, starts, 7 + more)
    mask, positions = cache.mask_and_positions(7)
    model(ids[:, :7], attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True)
    forward = OneToken(model, 7 + more)
    for column in range(7, 7 + more):
        logits = forward(ids[:, column], cache)
        for row, start in enumerate(starts.tolist()):
            alone = model(ids[row, start : column + 1][None]).logits[0, -1]
            torch.testing.assert_close(logits[row], alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", OTHERS)
def test_models_of_other_forms_are_left_to_transformers(name):
    assert not OneToken.fits(OTHERS[name]())

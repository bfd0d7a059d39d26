"""Attention for GPUs, on a plain kernel, against transformers' own model on each sequence alone."""

import copy

import pytest
import torch
from plain_varlen import plain_varlen_attn
from torch.nn.attention import varlen
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

from gdpo.verl_plugin.cuda import VARLEN_ATTENTION, varlen_attention

SIZE = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "vocab_size": 23}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.3}
CONFIGS = {
    "qwen2": Qwen2Config(**SIZE, **HEADS),
    "qwen3": Qwen3Config(**SIZE, **HEADS, head_dim=16),
    "llama": LlamaConfig(**SIZE, **HEADS),
    # The last two layers see four tokens, the first sees all.
    "sliding": Qwen2Config(**SIZE, **HEADS, use_sliding_window=True, sliding_window=4, max_window_layers=1),
}
LENGTHS = [5, 1, 12, 3, 40, 7, 7, 2]


@pytest.fixture
def on_cpu(monkeypatch):
    monkeypatch.setattr(varlen_attention, "varlen_attn", plain_varlen_attn)


def models(name):
    """Two models with the same weights: transformers' own attention, and ours."""
    torch.manual_seed(0)
    config = copy.deepcopy(CONFIGS[name])
    alone = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    packed = AutoModelForCausalLM.from_config(copy.deepcopy(config), attn_implementation=VARLEN_ATTENTION)
    packed.load_state_dict(alone.state_dict())
    return alone, packed


def pack(sequences):
    """As veRL's FSDP engine calls a model."""
    places = torch.cat([torch.arange(len(ids)) for ids in sequences])
    return {
        "input_ids": torch.cat(sequences)[None],
        "attention_mask": None,
        "position_ids": places[None],
        "use_cache": False,
    }


def gradients(model, logits):
    """Gradients of the weights, of a loss that every logit matters to."""
    (logits.log_softmax(-1) * torch.linspace(-1, 1, logits.numel()).view_as(logits)).sum().backward()
    return [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("name", CONFIGS)
def test_packed_sequences_give_the_logits_and_gradients_of_each_alone(on_cpu, name, checkpointing):
    alone, packed = models(name)
    if checkpointing:
        packed.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    packed.train()
    sequences = [torch.randint(23, (length,)) for length in LENGTHS]
    truth = torch.cat([alone(input_ids=ids[None], use_cache=False).logits[0] for ids in sequences])

    found = packed(**pack(sequences)).logits[0]

    torch.testing.assert_close(found, truth, rtol=1e-4, atol=1e-4)
    for ours, theirs in zip(gradients(packed, found), gradients(alone, truth), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


def test_each_batch_has_its_own_bounds(on_cpu):
    """They are kept for the layers of one pass, and not for the next batch of the same shape."""
    alone, packed = models("qwen2")
    for lengths in ([4, 6], [6, 4]):
        sequences = [torch.randint(23, (length,)) for length in lengths]
        truth = torch.cat([alone(input_ids=ids[None], use_cache=False).logits[0] for ids in sequences])
        torch.testing.assert_close(packed(**pack(sequences)).logits[0], truth, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attention_mask": torch.ones(1, 8)}, "no padding"),
        ({"input_ids": torch.zeros(2, 8, dtype=torch.long)}, "one row"),
        ({"position_ids": torch.arange(1, 9)[None]}, "begins at place 8"),
        ({"position_ids": torch.tensor([[5, 6, 0, 1, 2, 3, 4, 5]])}, "begins at place 2"),
    ],
)
def test_what_is_not_packed_is_refused(on_cpu, change, message):
    _, packed = models("qwen2")
    with pytest.raises(ValueError, match=message):
        packed(**pack([torch.arange(5), torch.arange(3)]) | change)


@pytest.mark.parametrize("option", [{"dropout": 0.1}, {"softcap": 30.0}, {"s_aux": torch.ones(4)}])
def test_what_the_kernel_lacks_is_refused(option):
    states, places = torch.zeros(1, 4, 8, 16), torch.arange(8)[None]
    with pytest.raises(ValueError, match="neither dropout"):
        varlen_attention.varlen_attention(None, states, states, states, None, position_ids=places, **option)


@pytest.mark.parametrize("window", [None, 4])
def test_pytorchs_own_operator_takes_what_it_is_given(monkeypatch, window):
    """The operator, and below it the kernel's signature, with tensors that have a shape and a dtype alone."""
    bounds = torch.empty(3, dtype=torch.int32, device="meta")
    monkeypatch.setattr(varlen_attention, "_bounds", lambda position_ids: (bounds, 5))
    for operator in (varlen._varlen_attn, varlen._varlen_attn_backward):
        # What runs on a GPU, which calls the kernel: that has a form for such tensors of its own.
        monkeypatch.setattr(operator, "_abstract_fn", operator._init_fn)
    states = [
        torch.empty(1, 8, heads, 64, device="meta", dtype=torch.bfloat16, requires_grad=True)
        for heads in (4, 2, 2)
    ]
    query, key, value = (part.transpose(1, 2) for part in states)
    places = torch.empty(1, 8, device="meta", dtype=torch.long)
    found, _ = varlen_attention.varlen_attention(
        None, query.float(), key.float(), value, None, 0.1, position_ids=places, sliding_window=window
    )
    found.sum().backward()
    assert (found.shape, found.dtype) == ((1, 8, 4, 64), torch.bfloat16)
    assert [part.grad.shape for part in states] == [part.shape for part in states]
    assert [part.grad.dtype for part in states] == [torch.bfloat16] * 3

"""Packed sequences against transformers' own model on each sequence alone."""

import copy

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from gdpo.verl_plugin.cpu.packed_attention import ROWS, use_packed_attention

LENGTHS = [5, 1, 12, 3, 40, 7, 7, 2] * 5  # more than two blocks


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "vocab_size": 23}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    return LlamaForCausalLM(LlamaConfig(**size, **heads, initializer_range=0.3, attn_implementation="eager"))


def loss_and_gradients(model, logits):
    """A loss that every logit matters to, and the gradients of the weights."""
    model.zero_grad()
    (logits.log_softmax(-1) * torch.linspace(-1, 1, logits.numel()).view_as(logits)).sum().backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


def test_packed_sequences_give_the_logits_and_gradients_of_each_alone(model):
    assert len(LENGTHS) > 2 * ROWS
    sequences = [torch.randint(23, (length,)) for length in LENGTHS]
    alone = torch.cat([model(input_ids=ids[None], use_cache=False).logits[0] for ids in sequences])

    packed_model = copy.deepcopy(model)
    use_packed_attention(packed_model)
    packed = packed_model(
        input_ids=torch.cat(sequences)[None],
        position_ids=torch.cat([torch.arange(length) for length in LENGTHS])[None],
        cu_seq_lens_q=torch.tensor([0, *LENGTHS]).cumsum(0),
        use_cache=False,
    ).logits[0]

    torch.testing.assert_close(packed, alone, rtol=1e-4, atol=1e-4)
    pairs = zip(loss_and_gradients(packed_model, packed), loss_and_gradients(model, alone), strict=True)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


def test_a_token_sees_neither_later_tokens_nor_other_sequences(model):
    packed_model = copy.deepcopy(model)
    use_packed_attention(packed_model)
    ids = torch.randint(23, (1, 9))
    options = {
        "position_ids": torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4]]),
        "cu_seq_lens_q": torch.tensor([0, 4, 9]),
        "use_cache": False,
    }
    before = packed_model(input_ids=ids, **options).logits[0]
    changed = ids.clone()
    changed[0, 6] = (ids[0, 6] + 1) % 23  # the third token of the second sequence
    moved = (packed_model(input_ids=changed, **options).logits[0] - before).abs().amax(-1) > 0
    assert moved.tolist() == [False] * 6 + [True] * 3

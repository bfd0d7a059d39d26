"""Packed sequences against transformers' own model on each sequence alone."""

import copy

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from gdpo.verl_plugin.cpu.packed_attention import ROWS, Packing, use_packed_attention

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


def packed_logits(model, prompts, sequences):
    """Logits of every token of sequences that begin with prompts, one sequence behind the other."""
    packed_model = copy.deepcopy(model)
    use_packed_attention(packed_model)
    bounds = torch.tensor([0, *map(len, sequences)]).cumsum(0)
    packing = Packing.of(bounds, torch.tensor([*map(len, prompts)]), [tuple(p.tolist()) for p in prompts])
    places = torch.cat([torch.arange(len(ids)) for ids in sequences])
    logits = packed_model(
        input_ids=torch.cat(sequences)[None, packing.computed],
        position_ids=places[None, packing.computed],
        packing=packing,
        use_cache=False,
    ).logits[0]
    return packed_model, packing, logits.index_select(0, packing.like)


@pytest.mark.parametrize("distinct", [1, 3, len(LENGTHS)])
def test_packed_sequences_give_the_logits_and_gradients_of_each_alone(model, distinct):
    assert len(LENGTHS) > 2 * ROWS
    starts = [torch.randint(23, (1 + i % 5,)) for i in range(distinct)]
    prompts = [starts[i % distinct] for i in range(len(LENGTHS))]
    responses = [torch.randint(23, (length,)) for length in LENGTHS]
    sequences = [torch.cat(pair) for pair in zip(prompts, responses, strict=True)]
    alone = torch.cat([model(input_ids=ids[None], use_cache=False).logits[0] for ids in sequences])

    packed_model, packing, packed = packed_logits(model, prompts, sequences)

    repeated = sum(map(len, prompts)) - sum(map(len, {tuple(prompt.tolist()) for prompt in prompts}))
    assert len(packing.computed) == len(torch.cat(sequences)) - repeated
    torch.testing.assert_close(packed, alone, rtol=1e-4, atol=1e-4)
    pairs = zip(loss_and_gradients(packed_model, packed), loss_and_gradients(model, alone), strict=True)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


def test_a_token_sees_neither_later_tokens_nor_other_sequences(model):
    first, second = torch.randint(23, (4,)), torch.randint(23, (5,))
    prompts = [first[:2], second[:1]]
    *_, before = packed_logits(model, prompts, [first, second])
    changed = second.clone()
    changed[2] = (second[2] + 1) % 23
    *_, after = packed_logits(model, prompts, [first, changed])
    moved = (after - before).abs().amax(-1) > 0
    assert moved.tolist() == [False] * 6 + [True] * 3


def test_gradients_are_the_same_bits_each_time(model):
    """Tokens that several sequences share get their gradients in one order, whatever the threads do."""
    prompts = [torch.arange(5)] * 60
    sequences = [torch.cat([prompt, torch.randint(23, (40,))]) for prompt in prompts]
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    found = []
    for _ in range(3):
        packed_model, _, logits = packed_logits(model, prompts, sequences)
        found.append(torch.cat([part.flatten() for part in loss_and_gradients(packed_model, logits)]))
    torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])

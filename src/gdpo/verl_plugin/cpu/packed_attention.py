"""Attention over packed sequences on a CPU, from transformers' attention registry.

Packed sequences need no padding in a model's matrix products, and what several of them begin with is computed
once; only attention itself puts them whole and side by side. PyTorch has such attention for GPUs alone.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel

NAME = "gdpo_packed"
ROWS = 16
"""Sequences side by side: few, so that they are of similar length, but enough for one call of attention."""


def use_packed_attention(model: PreTrainedModel) -> None:
    """Make a model attend with :func:`packed_attention`."""
    model.set_attn_implementation(NAME)


class Packing(NamedTuple):
    """Where the tokens of sequences stand: one behind the other, among those computed, and side by side."""

    computed: Tensor
    """The tokens that the model computes, which are all but those of a prompt that an earlier sequence begins
    with; shape (computed,)."""
    like: Tensor
    """For each token, its like among those computed, shape (tokens,)."""
    rows: Tensor
    """For each place in blocks of padded rows, the token there among those computed, shape (places,)."""
    places: Tensor
    """For each computed token, its place in the rows, shape (computed,)."""
    blocks: list[tuple[int, int]]
    """Rows and width of each block."""

    @classmethod
    def of(cls, bounds: Tensor, prompt_lengths: Tensor, prompts: Sequence[Hashable]) -> "Packing":
        """Pack sequences.

        Args:
            bounds: first token of each sequence and the number of tokens, shape (sequences + 1,).
            prompt_lengths: tokens of each sequence's prompt, shape (sequences,).
            prompts: one for each sequence, equal where the prompts are.
        """
        sequence, place = places(bounds)
        tokens, first = torch.arange(len(place)), {}
        earlier = bounds[[first.setdefault(prompt, i) for i, prompt in enumerate(prompts)]]
        origin = torch.where(place < prompt_lengths[sequence], earlier[sequence] + place, tokens)
        is_computed = origin == tokens
        like = (is_computed.cumsum(0) - 1)[origin]
        padded, blocks = _side_by_side(bounds)
        rows = torch.zeros(sum(count * width for count, width in blocks), dtype=torch.long)
        return cls(tokens[is_computed], like, rows.index_copy(0, padded, like), padded[is_computed], blocks)


def places(bounds: Tensor) -> tuple[Tensor, Tensor]:
    """The sequence of each packed token, and its place there, each of shape (tokens,)."""
    lengths = bounds.diff()
    sequence = torch.arange(len(lengths)).repeat_interleave(lengths)
    return sequence, torch.arange(len(sequence)) - bounds[sequence]


def _side_by_side(bounds: Tensor) -> tuple[Tensor, list[tuple[int, int]]]:
    """Where each packed token stands in blocks of padded rows, and the shape (rows, width) of each block."""
    lengths = bounds.diff()
    order = lengths.argsort(stable=True)
    blocks = lengths[order].split(ROWS)
    shapes = [(len(block), int(block[-1])) for block in blocks]
    widths = torch.cat([lengths.new_full((rows,), width) for rows, width in shapes])
    starts = torch.empty_like(lengths).index_copy(0, order, widths.cumsum(0) - widths)
    sequence, place = places(bounds)
    return starts[sequence] + place, shapes


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: None,
    scaling: float | None = None,
    dropout: float = 0.0,
    *,
    packing: Packing,
    **kwargs,
) -> tuple[Tensor, None]:
    """Causal attention within each of several sequences that stand one behind the other.

    Args:
        module: the attention layer.
        query: shape (1, heads, computed tokens, dimensions).
        key: shape (1, key-value heads, computed tokens, dimensions); `value` likewise.
        attention_mask: None.
        scaling: factor of the scores; None: 1 / sqrt(dimensions).
        dropout: probability of dropping a weight.
        packing: the sequences.
        kwargs: not used.

    Returns:
        Shape (1, computed tokens, heads, dimensions), and None in the place of attention weights.
    """
    heads = [query.shape[1], key.shape[1], value.shape[1]]
    tokens = torch.cat([states[0].transpose(0, 1) for states in (query, key, value)], 1)
    # An embedding's gradient is summed in the order of its rows, whatever the number of threads.
    padded = embedding(packing.rows, tokens.flatten(1)).unflatten(1, tokens.shape[1:])
    # Padding stands at the end of a row, where causal attention keeps it from every token.
    options = {"dropout_p": dropout, "is_causal": True, "scale": scaling, "enable_gqa": True}
    attended = []
    for part, shape in zip(padded.split([r * w for r, w in packing.blocks]), packing.blocks, strict=True):
        block = part.unflatten(0, shape).transpose(1, 2).split(heads, 1)
        attended.append(scaled_dot_product_attention(*block, **options).transpose(1, 2).flatten(0, 1))
    found = embedding(packing.places, torch.cat(attended).flatten(1))
    return found.view(1, -1, *query.shape[1::2]), None


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, lambda *args, **kwargs: None)

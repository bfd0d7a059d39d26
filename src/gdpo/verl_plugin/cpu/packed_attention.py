"""Attention over packed sequences on a CPU, from transformers' attention registry.

Packed sequences need no padding in a model's matrix products; only attention itself puts them side by side.
PyTorch has such attention for GPUs alone.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel

NAME = "gdpo_packed"
ROWS = 16
"""Sequences side by side: few, so that they are of similar length, but enough for one call of attention."""


def use_packed_attention(model: PreTrainedModel) -> None:
    """Make a model attend with :func:`packed_attention`."""
    model.set_attn_implementation(NAME)


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: None,
    scaling: float | None = None,
    dropout: float = 0.0,
    *,
    cu_seq_lens_q: Tensor,
    **kwargs,
) -> tuple[Tensor, None]:
    """Causal attention within each of several sequences that stand one behind the other.

    Args:
        module: the attention layer.
        query: shape (1, heads, tokens, dimensions).
        key: shape (1, key-value heads, tokens, dimensions); `value` likewise.
        attention_mask: None.
        scaling: factor of the scores; None: 1 / sqrt(dimensions).
        dropout: probability of dropping a weight.
        cu_seq_lens_q: first token of each sequence and the number of tokens, shape (sequences + 1,).
        kwargs: not used.

    Returns:
        Shape (1, tokens, heads, dimensions), and None in the place of attention weights.
    """
    places, shapes = _side_by_side(cu_seq_lens_q)
    sizes = [rows * width for rows, width in shapes]

    def blocks(packed: Tensor) -> list[Tensor]:
        tokens = packed[0].transpose(0, 1)
        padded = tokens.new_zeros(sum(sizes), *tokens.shape[1:]).index_copy(0, places, tokens)
        parts = padded.split(sizes)
        return [part.unflatten(0, shape).transpose(1, 2) for part, shape in zip(parts, shapes, strict=True)]

    # Padding stands at the end of a row, where causal attention keeps it from every token.
    options = {"dropout_p": dropout, "is_causal": True, "scale": scaling, "enable_gqa": True}
    heads_of = zip(blocks(query), blocks(key), blocks(value), strict=True)
    attended = [scaled_dot_product_attention(*block, **options).transpose(1, 2) for block in heads_of]
    return torch.cat([block.flatten(0, 1) for block in attended])[places][None], None


def _side_by_side(bounds: Tensor) -> tuple[Tensor, list[tuple[int, int]]]:
    """Where each packed token stands in blocks of padded rows, and the shape (rows, width) of each block."""
    lengths = bounds.diff()
    order = lengths.argsort(stable=True)
    blocks = lengths[order].split(ROWS)
    shapes = [(len(block), int(block[-1])) for block in blocks]
    widths = torch.cat([lengths.new_full((rows,), width) for rows, width in shapes])
    starts = torch.empty_like(lengths).index_copy(0, order, widths.cumsum(0) - widths)
    return torch.arange(int(bounds[-1])) + (starts - bounds[:-1]).repeat_interleave(lengths), shapes


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, lambda *args, **kwargs: None)

"""Attention over packed sequences on a GPU, from transformers' attention registry.

veRL's FSDP engine puts the sequences of a micro batch one behind the other and leaves it to flash-attn to
keep them apart. PyTorch has the same kernel, built in.
"""

from functools import lru_cache
from inspect import signature

import torch
from torch import Tensor, nn
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import pad
from transformers import AttentionInterface, AttentionMaskInterface

from gdpo.verl_plugin.cuda import VARLEN_ATTENTION

# Newer PyTorch wants to be told that keys have fewer heads; 2.11, on the cluster, leaves it to the kernel.
_GROUPED = {"enable_gqa": True} if "enable_gqa" in signature(varlen_attn).parameters else {}


def varlen_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: None,
    scaling: float | None = None,
    dropout: float = 0.0,
    *,
    position_ids: Tensor,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **kwargs,
) -> tuple[Tensor, None]:
    """Causal attention within each of several sequences that stand one behind the other.

    Args:
        module: the attention layer; not used.
        query: shape (1, heads, tokens, dimensions).
        key: shape (1, key-value heads, tokens, dimensions); `value` likewise, in float16 or bfloat16.
        attention_mask: None.
        scaling: factor of the scores; None: 1 / sqrt(dimensions).
        dropout: 0.
        position_ids: each token's place in its sequence, shape (1, tokens).
        sliding_window: how many tokens a token sees, itself one of them; None: all before it.
        softcap: None; `s_aux` likewise: what only other models have.
        kwargs: not used.

    Returns:
        Shape (1, tokens, heads, dimensions), and None in the place of attention weights.

    Raises:
        ValueError: the batch is not one row of packed sequences, or the model asks for what the kernel lacks.
    """
    row = (1, query.shape[2])
    if attention_mask is not None or len(query) != 1 or position_ids.shape != row:
        raise ValueError(
            f"{VARLEN_ATTENTION}: one row of packed sequences without a mask is needed; found states of "
            f"shape {tuple(query.shape)} and position ids of shape {tuple(position_ids.shape)}"
        )
    if dropout or softcap or s_aux is not None:
        raise ValueError(f"{VARLEN_ATTENTION}: has neither dropout nor a soft cap nor sinks")
    bounds, longest = _bounds(position_ids)
    # Under autocast a rotation in float32 leaves queries and keys so; the kernel takes one dtype.
    states = [part[0].transpose(0, 1).to(value.dtype) for part in (query, key, value)]
    window = (sliding_window - 1 if sliding_window else -1, 0)
    attended = varlen_attn(
        *states, bounds, bounds, longest, longest, scale=scaling, window_size=window, **_GROUPED
    )
    return attended[None], None


@lru_cache(maxsize=1)  # for all layers, and their recomputation: each look at the values waits for the GPU
def _bounds(position_ids: Tensor) -> tuple[Tensor, int]:
    """First token of each sequence and the number of tokens, shape (sequences + 1,); the longest's length.

    Raises:
        ValueError: the row does not begin with a sequence.
    """
    starts = (position_ids[0] == 0).nonzero()[:, 0]
    bounds = pad(starts, (0, 1), value=position_ids.shape[1]).to(torch.int32)
    if first := int(bounds[0]):
        raise ValueError(f"{VARLEN_ATTENTION}: the first sequence begins at place {first}, not at 0")
    return bounds, int(bounds.diff().max())


def _no_mask(*, attention_mask: Tensor | None = None, **kwargs) -> None:
    """The mask of a model's layers: none is needed, and padding would be lost.

    Raises:
        ValueError: there is padding.
    """
    if attention_mask is not None:
        raise ValueError(f"{VARLEN_ATTENTION}: packed sequences have no padding; found an attention mask")


AttentionInterface.register(VARLEN_ATTENTION, varlen_attention)
AttentionMaskInterface.register(VARLEN_ATTENTION, _no_mask)

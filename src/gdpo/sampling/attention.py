"""Attention for decoding, from transformers' attention registry: keys are not copied for each query head."""

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "gdpo_decoding"


def use_decoding_attention(model: PreTrainedModel) -> None:
    """Make a model that attends with PyTorch's sdpa decode with :func:`decoding_attention`; no other."""
    if model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(NAME)


def decoding_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs,
) -> tuple[Tensor, None]:
    """transformers' sdpa, but of one new token a row :func:`one_token_attention`.

    Args:
        module: the attention layer.
        query: shape (rows, heads, new tokens, dimensions).
        key: shape (rows, key-value heads, columns, dimensions); `value` likewise.
        attention_mask: None, or True (or 0) for the columns that count, shape (rows, 1, new tokens, columns).
        scaling: factor of the scores; None: 1 / sqrt(dimensions).
        kwargs: of transformers' own sdpa, which takes every call of more than one new token.

    Returns:
        Shape (rows, new tokens, heads, dimensions), and None in the place of attention weights.
    """
    if query.shape[2] > 1:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    return one_token_attention(query[:, :, 0], key, value, attention_mask, scaling)[:, None], None


def one_token_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None
) -> Tensor:
    """Attention of one new token a row in which the query heads of a group share one read of their keys.

    transformers' sdpa repeats the whole cache for each query head as soon as there is a mask. Here the query
    heads of a group stand where further positions would: with one new token all see the same columns.

    Args:
        query: shape (rows, heads, dimensions).
        key: shape (rows, key-value heads, columns, dimensions); `value` likewise.
        mask: None, or True (or 0) for the columns that count, shape (rows, 1, 1, columns).
        scaling: factor of the scores; None: 1 / sqrt(dimensions).

    Returns:
        Shape (rows, heads, dimensions).
    """
    grouped = query.unflatten(1, (key.shape[1], -1))
    out = scaled_dot_product_attention(grouped, key, value, attn_mask=mask, scale=scaling)
    return out.reshape(query.shape)


AttentionInterface.register(NAME, decoding_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)

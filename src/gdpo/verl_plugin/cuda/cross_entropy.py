"""Cross entropy of many tokens over a large vocabulary, in float32, in the memory of the logits alone.

What flash-attn's Triton kernel is to veRL, in plain PyTorch.
"""

from typing import Any

import torch
from torch import Tensor

ROWS = 256
"""Tokens that are computed at once: 156 MB of float32 with a vocabulary of 152,000."""


def cross_entropy(logits: Tensor, labels: Tensor, inplace_backward: bool = False) -> tuple[Tensor, None]:
    """-log softmax(logits)[label] of each token; flash-attn's own name and arguments, as veRL calls it.

    Args:
        logits: shape (tokens, vocabulary), of any floating dtype.
        labels: shape (tokens,).
        inplace_backward: whether the gradient may take the logits' own memory.

    Returns:
        Shape (tokens,), float32; and None, where flash-attn has its z-loss.
    """
    return _CrossEntropy.apply(logits, labels, inplace_backward), None


class _CrossEntropy(torch.autograd.Function):
    """Keeps the logits, not their softmax, and computes in float32 a few tokens at a time."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, inplace_backward: bool) -> Tensor:
        total = torch.cat([rows.float().logsumexp(-1) for rows in logits.split(ROWS)])
        ctx.save_for_backward(logits, labels, total)
        ctx.inplace = inplace_backward
        return total - logits.gather(-1, labels[:, None])[:, 0].float()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        logits, labels, total = ctx.saved_tensors
        found = logits if ctx.inplace else torch.empty_like(logits)
        columns = labels[:, None], total[:, None], gradient[:, None]
        for rows, into, label, of, factor in zip(
            *(part.split(ROWS) for part in (logits, found, *columns)), strict=True
        ):
            softmax = (rows.float() - of).exp_()
            softmax.scatter_add_(-1, label, torch.full_like(of, -1.0))
            into.copy_(softmax.mul_(factor))
        return found, None, None

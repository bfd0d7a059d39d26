"""One advantage a response, delivered as one a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gdpo.advantage.checks import AdvantageError

if TYPE_CHECKING:
    from torch import Tensor


def broadcast_nested(advantages: Tensor, lengths: Tensor) -> Tensor:
    """[N] advantages and [N] valid token counts -> jagged nested tensor [N, j], valid tokens only.

    Row i repeats ``advantages[i]`` ``lengths[i]`` times: the form that veRL 0.9.1's V1 trainer stores
    (``verl/workers/utils/padding.py``, ``response_to_nested``), without a padded [N, T] on the way. Raises
    :class:`AdvantageError` if the shapes differ or a length is negative or not whole.
    """
    import torch

    if advantages.ndim != 1 or lengths.shape != advantages.shape:
        raise AdvantageError(
            f"advantages of shape {tuple(advantages.shape)} and lengths of shape {tuple(lengths.shape)};"
            " allowed: one of each a response"
        )
    if lengths.is_floating_point() or (lengths < 0).any():
        raise AdvantageError("lengths must be whole numbers of tokens, 0 or more")
    lengths = lengths.to(device=advantages.device, dtype=torch.int64)
    offsets = torch.nn.functional.pad(lengths.cumsum(0), (1, 0))
    if advantages.device.type == "cpu":
        # NumPy fills runs; torch builds an int64 index of every token first and takes ten times as long.
        tokens = torch.from_numpy(np.repeat(advantages.detach().numpy(), lengths.numpy()))
    else:
        tokens = torch.repeat_interleave(advantages, lengths, output_size=int(offsets[-1]))
    return torch.nested.nested_tensor_from_jagged(tokens, offsets=offsets)

"""The last step of GDPO and DGDO: one scale for the whole batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gdpo.advantage.batch import RewardBatch
from gdpo.advantage.checks import AdvantageError

if TYPE_CHECKING:
    from torch import Tensor

BatchStatistics = Literal["responses", "tokens", "none"]

VERL_VARIANCE_FLOOR = 1e-8  # inside rsqrt in veRL's masked_whiten, apart from the epsilon of the group


def whiten(
    scores: Tensor, batch: RewardBatch, statistics: BatchStatistics, epsilon: float, lengths: Tensor | None
) -> Tensor:
    """[N] -> [N]: shift and scale scores by the mean and the standard deviation (ddof 1) of the batch.

    ``responses``: each response counts once, ``(S - mean) / (std + epsilon)`` (arXiv 2601.05242; TRL).
    ``tokens``: each response counts as often as it has valid tokens (``lengths``),
    ``(S - mean) * rsqrt(var + 1e-8)``: veRL's and the NVlabs fork's ``masked_whiten``, from sums over
    responses instead of over [N, T]. ``none``: unchanged. A response without any finite reward stays 0 and
    counts nowhere. Raises :class:`AdvantageError` if fewer than 2 responses or tokens count.
    """
    if statistics == "none":
        return scores
    counts = batch.scorable.double()
    if statistics == "tokens":
        counts = counts * _read_lengths(lengths, len(scores)).to(counts)
    total = counts.sum()
    if total < 2:
        raise AdvantageError(
            f"batch_statistics={statistics!r} needs at least 2 {statistics}, got {int(total)}"
        )
    centred = scores - (counts * scores).sum() / total
    variance = (counts * centred.square()).sum() / (total - 1)
    if statistics == "tokens":
        whitened = centred * (variance + VERL_VARIANCE_FLOOR).rsqrt()
    else:
        whitened = centred / (variance.sqrt() + epsilon)
    return whitened.where(batch.scorable, 0.0)


def _read_lengths(lengths: Tensor | None, responses: int) -> Tensor:
    import torch

    if lengths is None:
        raise AdvantageError("batch_statistics='tokens' needs lengths, the valid tokens of each response")
    lengths = torch.as_tensor(lengths)
    if lengths.shape != (responses,):
        raise AdvantageError(
            f"lengths has shape {tuple(lengths.shape)}; allowed: ({responses},), one a response"
        )
    if lengths.is_floating_point() or (lengths < 0).any():
        raise AdvantageError("lengths must be whole numbers of tokens, 0 or more")
    return lengths

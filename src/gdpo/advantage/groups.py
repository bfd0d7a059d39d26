"""Which response belongs to which group, and sums over groups in time linear in the batch."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gdpo.advantage.checks import AdvantageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Groups:
    """The groups of a batch of N responses: G groups, in the order in which they first appear."""

    ids: tuple[Hashable, ...]
    """The G group ids as given."""
    index: Tensor
    """LongTensor[N]: the group (0 .. G-1) of each response."""

    def sum(self, values: Tensor) -> Tensor:
        """[K, N] -> [K, G]: the sum over each group."""
        sums = values.new_zeros(values.shape[0], len(self.ids))
        return sums.scatter_add_(1, self.index.expand_as(values), values)

    def minimum(self, values: Tensor) -> Tensor:
        """[K, N] -> [K, G]: the smallest value of each group."""
        lowest = values.new_full((values.shape[0], len(self.ids)), math.inf)
        return lowest.scatter_reduce_(1, self.index.expand_as(values), values, "amin")

    def spread(self, per_group: Tensor) -> Tensor:
        """[K, G] -> [K, N]: each group's number to each of its responses."""
        return per_group.gather(1, self.index.expand(per_group.shape[0], -1))


def index_groups(
    groups: Sequence[Hashable] | np.ndarray | Tensor, responses: int, device: torch.device
) -> Groups:
    """Number the groups of ``responses`` responses; any order, any sizes from 2 up.

    ``groups``: one hashable id a response (a list, an array of strings or objects, or a LongTensor[N]).
    Raises :class:`AdvantageError` if their number is not ``responses``, an id is not hashable, or a group has
    fewer than 2 responses, for which neither a baseline nor a spread exists.
    """
    import torch

    ids = groups.tolist() if hasattr(groups, "tolist") else list(groups)
    if not isinstance(ids, list) or len(ids) != responses:
        given = len(ids) if isinstance(ids, list) else f"the single value {ids!r}"
        raise AdvantageError(f"groups has {given} ids for {responses} responses")
    try:
        # Hashing in C keeps this linear; sorting string ids (np.unique) costs five times as much.
        unique = tuple(dict.fromkeys(ids))
    except TypeError as error:
        raise AdvantageError(f"groups must hold hashable ids: {error}") from None
    number = dict(zip(unique, range(len(unique)), strict=True))
    index = np.fromiter(map(number.__getitem__, ids), dtype=np.int64, count=responses)
    sizes = np.bincount(index, minlength=len(unique))
    if responses and sizes.min() < 2:
        lonely = unique[int(sizes.argmin())]
        raise AdvantageError(
            f"group {lonely!r} has 1 response; a group needs at least 2"
            f" ({int((sizes < 2).sum())} of {len(unique)} groups have fewer)"
        )
    return Groups(ids=unique, index=torch.from_numpy(index).to(device))

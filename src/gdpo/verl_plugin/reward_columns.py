"""The named rewards of a response on their way through veRL: written at rollout, read by the trainer."""

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import torch

VECTOR = "reward_vector"
"""The key that veRL's group filter reads (``algorithm.filter_groups.metric``)."""


def reward_extra_info(rewards: Mapping[str, float]) -> dict[str, float]:
    """The named rewards plus one number that is equal for two responses if all their rewards are.

    veRL's filter drops a group in which one scalar has zero standard deviation. With this scalar a group is
    dropped only if no reward varies in it. A 32-bit checksum: small enough that the mean of equal values is
    exact in float64, so that their standard deviation is exactly 0.
    """
    vector = repr([float(rewards[name]) for name in sorted(rewards)])
    return {**rewards, VECTOR: float(zlib.crc32(vector.encode()))}


def reward_columns(
    extra_fields: Iterable[Mapping[str, Any]], names: Iterable[str]
) -> dict[str, torch.Tensor]:
    """Name -> float64 rewards ``[N]`` from TransferQueue's ``extra_fields`` of N responses.

    Raises:
        KeyError: a response without one of the named rewards.
    """
    infos = [fields["reward_extra_info"] for fields in extra_fields]
    return {name: torch.tensor([float(info[name]) for info in infos], dtype=torch.float64) for name in names}

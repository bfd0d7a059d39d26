"""The named rewards of a response on their way through veRL: written at rollout, read by the trainer."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from gdpo.rewards import RewardError

FAILURE = "reward_failure"
"""The key of the sentence that says why a response has no rewards."""


def failed_rewards(names: Iterable[str], error: Exception) -> dict[str, float | str]:
    """What stands for the rewards of a response whose scoring failed; :func:`reward_columns` raises it."""
    sentence = str(error) if isinstance(error, RewardError) else f"{type(error).__name__}: {error}"
    return {**dict.fromkeys(names, math.nan), FAILURE: sentence}


def check_groups(uids: Sequence[str], size: int) -> None:
    """Check that every prompt has all its responses.

    veRL trains on what is left of a group whose agent loop or reward worker failed.

    Args:
        uids: the prompt of each response of a batch, padding left out.
        size: responses that were asked for, a prompt.

    Raises:
        RewardError: a prompt has another number of responses.
    """
    counts = Counter(uids)
    if wrong := {uid: count for uid, count in counts.items() if count != size}:
        uid, count = next(iter(wrong.items()))
        raise RewardError(
            f"{len(wrong)} of {len(counts)} prompts do not have {size} scored responses (prompt {uid} has "
            f"{count}): a rollout or reward worker failed or was stopped; its error stands further up the log"
        )


def reward_columns(
    extra_fields: Iterable[Mapping[str, Any]], names: Iterable[str]
) -> dict[str, torch.Tensor]:
    """Name -> float64 rewards ``[N]`` from TransferQueue's ``extra_fields`` of N responses.

    Raises:
        RewardError: the scoring of a response failed.
        KeyError: a response without one of the named rewards.
    """
    infos = [fields["reward_extra_info"] for fields in extra_fields]
    for info in infos:
        if FAILURE in info:
            raise RewardError(info[FAILURE])
    return {name: torch.tensor([float(info[name]) for info in infos], dtype=torch.float64) for name in names}

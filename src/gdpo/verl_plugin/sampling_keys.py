"""The key of each sampled response: its randomness depends on it and on nothing else."""

import hashlib
from collections import Counter
from collections.abc import Sequence


def sampling_keys(prompts: Sequence[Sequence[int]], seed: int, step: int, validate: bool) -> list[int]:
    """A 63-bit key a response from (seed, step, prompt, occurrence of that prompt in the batch).

    So a rollout depends neither on how responses were batched nor on how often the run was interrupted.
    """
    seen: Counter[tuple[int, ...]] = Counter()
    keys = []
    for prompt in map(tuple, prompts):
        text = repr((seed, step, validate, prompt, seen[prompt]))
        keys.append(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1)
        seen[prompt] += 1
    return keys

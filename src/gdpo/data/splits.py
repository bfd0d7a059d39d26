"""The half of a world of made problems that each is in: for training, or for benchmarks."""

import hashlib

from gdpo.config.problems import Split

TRAIN_SHARE = 0.8


def split_by_hash(salt: str, key: str) -> Split:
    """The split of a problem, from a salted hash of what makes it the same as another, of that alone."""
    digest = hashlib.sha256(f"{salt}:{key}".encode()).digest()
    return "train" if int.from_bytes(digest[:8], "big") < TRAIN_SHARE * 2**64 else "benchmark"

"""Made worlds of problems: the half that each problem is in, and draws of different ones."""

import hashlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from gdpo.config.problems import Split

TRAIN_SHARE = 0.8
# A world whose space is spent only repeats itself: this many draws without a new problem end the search.
_FRUITLESS_DRAWS = 5000
Made = TypeVar("Made")


class SpentError(ValueError):
    """A world has fewer different problems than are wanted; ``count``: about how many it has."""

    def __init__(self, count: int):
        super().__init__(f"about {count} exist")
        self.count = count


def split_by_hash(salt: str, key: str) -> Split:
    """The split of a problem, from a salted hash of what makes it the same as another, of that alone."""
    digest = hashlib.sha256(f"{salt}:{key}".encode()).digest()
    return "train" if int.from_bytes(digest[:8], "big") < TRAIN_SHARE * 2**64 else "benchmark"


def add_distinct(
    found: dict[str, Made],
    count: int,
    draws: Iterator[tuple[str, Made]],
    fits: Callable[[str], bool] = lambda key: True,
) -> None:
    """Add so many problems that are not there yet.

    Args:
        found: key -> problem; what makes two problems the same is their key.
        count: how many more.
        draws: keys and problems without end.
        fits: whether a key is of the wanted split.

    Raises:
        SpentError: thousands of draws in a row were none.
    """
    before, fruitless = len(found), 0
    while len(found) < before + count:
        key, made = next(draws)
        new = key not in found and fits(key)
        fruitless = 0 if new else fruitless + 1
        if fruitless > _FRUITLESS_DRAWS:
            raise SpentError(len(found) - before)
        if new:
            found[key] = made

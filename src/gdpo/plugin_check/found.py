"""What a check finds of one part of a plug-in."""

import math
import time
from collections.abc import Callable, Hashable, Sequence
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, NamedTuple


class Values(NamedTuple):
    """The numbers that a reward, grader or metric gave."""

    low: float
    mean: float
    high: float
    distinct: float
    """Number of different values over the number of values."""
    none: float
    """Share of responses without a value (an optional reward's None)."""
    dead: float | None
    """Share of the groups (two samples or more of a problem) in which it does not vary; None: no groups."""

    @classmethod
    def of(cls, numbers: Sequence[float], groups: Sequence[Hashable]) -> "Values | None":
        """Of one number a response; None where no response has one."""
        known = [number for number in numbers if not math.isnan(number)]
        if not known:
            return None
        members: dict[Hashable, list[float]] = {}
        for number, group in zip(numbers, groups, strict=True):
            members.setdefault(group, []).append(number)
        several = [group for group in members.values() if len(group) > 1]
        dead = sum(len({number for number in group if not math.isnan(number)}) < 2 for group in several)
        return cls(
            min(known),
            math.fsum(known) / len(known),
            max(known),
            len(set(known)) / len(known),
            1 - len(known) / len(numbers),
            dead / len(several) if several else None,
        )


class Checked(NamedTuple):
    """One thing that a plug-in registers, and what was seen of it."""

    kind: str
    name: str
    place: str
    """File and line."""
    failed: str | None = None
    """What is wrong, in a sentence; None: nothing that was looked at."""
    seen: str = ""
    """What was run, or why nothing was, in a sentence."""
    values: Values | None = None
    range: tuple[float, float] | None = None
    """As declared."""
    seconds: tuple[float, ...] = ()
    """Of each call."""


def timed(function: Callable, seconds: list[float]) -> Callable:
    """The function, which notes how long each call took; an asynchronous one stays one."""
    if iscoroutinefunction(function):

        @wraps(function)
        async def run(*args: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return await function(*args, **options)
            finally:
                seconds.append(time.perf_counter() - start)

    else:

        @wraps(function)
        def run(*args: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                seconds.append(time.perf_counter() - start)

    return run

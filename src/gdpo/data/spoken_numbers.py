"""Whole numbers said so that they must be worked out."""

import random


def ways_to_say(value: int, largest_step: int, rng: random.Random) -> list[str]:
    """``half of 18`` and the like.

    Args:
        value: what comes out.
        largest_step: largest number that is added or taken away.
        rng: draws that number.
    """
    step = rng.randint(1, largest_step)
    more = [f"{step} more than {value - step}"] if value > step else []
    double = [f"double {value // 2}"] if value % 2 == 0 else []
    return [f"half of {2 * value}", f"{step} less than {value + step}", *more, *double]

r"""The reward functions. Each takes a graded response and keyword options, and returns a float.

Options are typed with pydantic types: a recipe's values are checked against the signature when the config is
read, so that a typo or a negative limit is an error before any job starts.
"""

import re
from collections.abc import Callable

from pydantic import PositiveInt

from gdpo.grading import is_well_formed
from gdpo.rewards.response import Response

RewardFunction = Callable[..., float]
REWARDS: dict[str, RewardFunction] = {}


def reward(function: RewardFunction) -> RewardFunction:
    """Register ``function`` under its own name."""
    REWARDS[function.__name__] = function
    return function


@reward
def correctness(response: Response) -> float:
    """1 if the boxed answer is right, else 0 (GDPO paper, math setting)."""
    return float(response.correct)


@reward
def length(response: Response, *, limit: PositiveInt) -> float:
    """1 if the response has at most ``limit`` tokens, else 0 (GDPO paper, hard length reward)."""
    return float(response.n_tokens <= limit)


@reward
def conditioned_length(response: Response, *, limit: PositiveInt) -> float:
    """1 if the response is right and has at most ``limit`` tokens (GDPO paper, conditioned length reward)."""
    return float(response.correct and response.n_tokens <= limit)


@reward
def format(response: Response) -> float:  # noqa: A001 - the name the field uses
    """1 if there is a reasoning part and exactly one closed box, in the answer part (DGDO)."""
    return float(is_well_formed(response.text))


@reward
def integer(response: Response) -> float:
    """1 if the boxed answer is an integer in plain digits, right or wrong (AIME answers are)."""
    return float(re.fullmatch(r"[+-]?\d+", response.verdict.extracted or "") is not None)

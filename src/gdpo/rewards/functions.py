r"""The reward functions. Each takes a graded response and keyword options, and returns a float.

Options are typed with pydantic types: a recipe's values are checked against the signature when the config is
read, so that a typo or a negative limit is an error before any job starts.
"""

import re
from collections.abc import Callable
from functools import partial

from pydantic import PositiveInt

from gdpo.grading import is_well_formed
from gdpo.rewards.response import Response

RewardFunction = Callable[..., float]
Constant = Callable[..., str | None]
REWARDS: dict[str, RewardFunction] = {}
CONSTANT: dict[str, Constant] = {}
"""Reward function -> what says why it cannot vary; see :func:`reward`."""


def reward(function: RewardFunction | None = None, *, constant: Constant | None = None) -> Callable:
    """Register a function under its own name: ``@reward``, or ``@reward(constant=...)``.

    Args:
        function: the function.
        constant: called with the longest response of a training in tokens (``max_tokens``) and the function's
            options; says in a sentence why every response gets the same, None where they may differ.
            Without it they always may.
    """
    if function is None:
        return partial(reward, constant=constant)
    REWARDS[function.__name__] = function
    if constant is not None:
        CONSTANT[function.__name__] = constant
    return function


def _never_over(max_tokens: int, *, limit: int) -> str | None:
    if limit < max_tokens:
        return None
    return (
        f"no response can exceed a limit of {limit} tokens where the longest has {max_tokens} "
        "(training.max_response_length): lower rewards.<name>.options.limit, or raise that"
    )


@reward
def correctness(response: Response) -> float:
    """1 if the boxed answer is right, else 0 (GDPO paper, math setting)."""
    return float(response.correct)


@reward(constant=_never_over)
def length(response: Response, *, limit: PositiveInt) -> float:
    """1 if the response has at most ``limit`` tokens, else 0 (GDPO paper, hard length reward)."""
    return float(response.n_tokens <= limit)


@reward(constant=_never_over)
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

r"""The reward functions of the papers. Each takes a judged response and keyword options, and returns a float.

Options are typed with pydantic types: a recipe's values are checked against the signature when the config is
read, so that a typo or a negative limit is an error before any job starts.
"""

import re

from pydantic import PositiveInt

from gdpo.plugins import reward
from gdpo.rewards.response import Response
from gdpo.tasks.math import is_well_formed

SHARE = (0.0, 1.0)


def _never_over(max_tokens: int, *, limit: int) -> str | None:
    if limit < max_tokens:
        return None
    return (
        f"no response can exceed a limit of {limit} tokens where the longest has {max_tokens} "
        "(training.max_response_length): lower rewards.<name>.options.limit, or raise that"
    )


@reward(range=SHARE)
def correctness(response: Response) -> float:
    """1 if the boxed answer is right, else 0 (GDPO paper, math setting)."""
    return float(response.correct)


@reward(range=SHARE, constant=_never_over)
def length(response: Response, *, limit: PositiveInt) -> float:
    """1 if the response has at most ``limit`` tokens, else 0 (GDPO paper, hard length reward)."""
    return float(response.n_tokens <= limit)


@reward(range=SHARE, constant=_never_over)
def conditioned_length(response: Response, *, limit: PositiveInt) -> float:
    """1 if the response is right and has at most ``limit`` tokens (GDPO paper, conditioned length reward)."""
    return float(response.correct and response.n_tokens <= limit)


@reward(range=SHARE)
def format(response: Response) -> float:  # noqa: A001 - the name the field uses
    """1 if there is a reasoning part and exactly one closed box, in the answer part (DGDO)."""
    return float(is_well_formed(response.text))


@reward(range=SHARE)
def integer(response: Response) -> float:
    """1 if the boxed answer is an integer in plain digits, right or wrong (AIME answers are)."""
    return float(re.fullmatch(r"[+-]?\d+", response.verdict.extracted or "") is not None)

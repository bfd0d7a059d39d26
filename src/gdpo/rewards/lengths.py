r"""Softer rewards for the length and the wording of a response, each bounded."""

import math
from collections.abc import Sequence
from statistics import fmean, pstdev
from typing import Annotated

from pydantic import Field, PositiveInt

from gdpo.plugins import reward
from gdpo.rewards.response import Response

Finite = Annotated[float, Field(allow_inf_nan=False)]


def _never_in_the_buffer(max_tokens: int, *, limit: int, buffer: int) -> str | None:
    if max_tokens > limit - buffer:
        return None
    return (
        f"no response reaches the last {buffer} of {limit} tokens where the longest has {max_tokens} "
        "(training.max_response_length): lower rewards.<name>.options.limit, or raise that"
    )


@reward(range=(-1.0, 0.0), constant=_never_in_the_buffer)
def soft_overlong(response: Response, *, limit: PositiveInt, buffer: PositiveInt) -> float:
    """0 up to ``limit - buffer`` tokens, then linearly down to -1 at ``limit``, and -1 beyond it.

    Source: DAPO (arXiv 2503.14476, eq. 13; there limit 20480, buffer 4096).
    """
    return min(0.0, max(-1.0, (limit - buffer - response.n_tokens) / buffer))


def _cosine_range(*, limit: int, **values: float) -> tuple[float, float]:
    return min(values.values()), max(values.values())


@reward(range=_cosine_range)
def cosine_length(
    response: Response,
    *,
    limit: PositiveInt,
    right_short: Finite = 1.0,
    right_long: Finite = 0.5,
    wrong_short: Finite = -1.0,
    wrong_long: Finite = -0.5,
    exceeding: Finite = -1.0,
) -> float:
    """From the value of a short response to that of a long one along half a cosine, by right and wrong.

    ``short + (long - short) * (1 - cos(pi n / limit)) / 2`` of ``n`` tokens; ``exceeding`` above ``limit``.
    Source: Yeo et al. (arXiv 2502.03373, section 4); the defaults are open-r1's.
    """
    if response.n_tokens > limit:
        return exceeding
    short, long = (right_short, right_long) if response.correct else (wrong_short, wrong_long)
    value = short + (long - short) * (1 - math.cos(math.pi * response.n_tokens / limit)) / 2
    return min(max(value, min(short, long)), max(short, long))  # rounding may lead past the end


@reward(range=(0.0, 1.0), group=True)
def relative_length(responses: Sequence[Response]) -> list[float]:
    """How short a right response is among the right ones to its prompt; 0 for a wrong one.

    ``1 - sigmoid((n - mean) / std)``, with mean and standard deviation (ddof 0) of the right responses'
    lengths in tokens: 0.5 at the mean, and where all are equally long. Source: Arora and Zanette
    (arXiv 2502.04463, eq. 2 and 3, with alpha as the reward's weight).
    """
    lengths = [response.n_tokens for response in responses if response.correct]
    mean, std = (fmean(lengths), pstdev(lengths)) if lengths else (0.0, 0.0)
    return [_shortness(response.n_tokens, mean, std) if response.correct else 0.0 for response in responses]


def _shortness(n_tokens: int, mean: float, std: float) -> float:
    return 1 / (1 + math.exp((n_tokens - mean) / std)) if std else 0.5


@reward(range=(-1.0, 0.0))
def repetition(response: Response, *, n: PositiveInt = 3) -> float:
    """Minus the share of word n-grams that the response has said before; 0 for fewer than ``n`` words.

    Source: Yeo et al. (arXiv 2502.03373, appendix on repetition), in open-r1's form with a penalty of -1.
    """
    words = response.text.lower().split()
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) - 1 if grams else 0.0

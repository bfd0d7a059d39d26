"""All rewards of a run, by name."""

import math
import os
import reprlib
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

from gdpo.grading import Gold
from gdpo.rewards.functions import REWARDS
from gdpo.rewards.response import Response, grade_responses
from gdpo.rewards.time_limit import TimeLimit, TimeUp

SECONDS = 60.0
"""Wall-clock limit of one reward function on one response; grading before it has its own."""
SECONDS_VARIABLE = "GDPO_REWARD_SECONDS"
"""Environment variable with another limit; no config key, as one would train every finished run again."""

_LARGEST = 3.4028234663852886e38  # float32's: the trainer computes in it
_SHOWN = 100  # characters of a response in an error


class RewardError(RuntimeError):
    """A reward function that gives no reward; the message names reward and response."""


class RewardSpec(NamedTuple):
    """One named reward of a run."""

    function: str
    weight: float
    options: dict[str, Any]


class Scorer:
    """Grades each response once and gives every named reward of it. Picklable; holds no model and no state.

    Args:
        specs: reward name -> function name in :data:`REWARDS`, weight and options.
        seconds: wall-clock limit of one function on one response; by default :data:`SECONDS_VARIABLE`'s,
            else :data:`SECONDS`.

    Raises:
        KeyError: a function that does not exist.
        ValueError: the limit is no positive number.
    """

    def __init__(self, specs: Mapping[str, RewardSpec], seconds: float | None = None):
        self.specs = dict(specs)
        self.seconds = time_limit() if seconds is None else seconds
        self._functions = {name: REWARDS[spec.function] for name, spec in self.specs.items()}

    def __call__(
        self, texts: Sequence[str], n_tokens: Sequence[int], golds: Sequence[Gold]
    ) -> list[dict[str, float]]:
        """Name -> value for each response, in order; safe to call from any thread.

        A function that hangs off the main thread ends the process: see :mod:`gdpo.rewards.time_limit`.

        Args:
            texts: responses, decoded without special tokens.
            n_tokens: response lengths in tokens, the end-of-sequence token included.
            golds: what is right.

        Raises:
            RewardError: a function that raises, hangs, or gives anything but a finite number.
        """
        responses = grade_responses(texts, n_tokens, golds)
        limit = TimeLimit(self.seconds)
        with limit.calls():
            return [
                {
                    name: self._reward(name, response, f"response {index} of {len(responses)}", limit)
                    for name in self._functions
                }
                for index, response in enumerate(responses, 1)
            ]

    def total(self, rewards: Mapping[str, float]) -> float:
        """The weighted sum of the named rewards (what GRPO sees, and ``train/reward``)."""
        return sum(self.specs[name].weight * value for name, value in rewards.items())

    def _reward(self, name: str, response: Response, which: str, limit: TimeLimit) -> float:
        def error(problem: str) -> RewardError:
            function = self._functions[name]
            source = f"{function.__module__}.{function.__qualname__}"
            start = response.text[:_SHOWN] + ("..." if len(response.text) > _SHOWN else "")
            return RewardError(
                f"reward {name} {problem} on {which}; mend {source} or take the reward out of rewards. "
                f"The response ({response.n_tokens} tokens): {start!a}"
            )

        hangs = f"took longer than {self.seconds:g} s ({SECONDS_VARIABLE} sets the limit)"
        try:
            with limit.call(lambda: f"RewardError: {error(hangs)}"):
                value = self._functions[name](response, **self.specs[name].options)
        except TimeUp:
            raise error(hangs) from None
        except (Exception, SystemExit) as cause:
            words = " ".join(str(cause).split())[:_SHOWN]
            raise error(f"raised {type(cause).__name__} ({words})") from cause
        if (number := _number(value)) is None:
            raise error(f"gave {reprlib.repr(value)} (a {type(value).__name__}), not a number,")
        if not abs(number) <= _LARGEST:
            raise error(f"gave {number!r}, not a finite float32 number,")
        return number


def time_limit() -> float:
    """The limit that the environment sets, or the default.

    Raises:
        ValueError: it sets something that is no positive number.
    """
    text = os.environ.get(SECONDS_VARIABLE, "")
    try:
        seconds = float(text or SECONDS)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(f"{SECONDS_VARIABLE} is {text!r}; it must be a positive number of seconds")
    return seconds


def _number(value: Any) -> float | None:
    """The number that a value is, Python's, NumPy's or a tensor's without dimensions; else None."""
    if not isinstance(value, Real) and getattr(value, "shape", None) == ():
        value = value.item()
    if not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer of hundreds of digits
        return math.inf

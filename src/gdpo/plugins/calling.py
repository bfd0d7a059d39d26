"""Calls of functions that a plug-in brings: what goes wrong in one is an error in one sentence."""

import os
import traceback
from collections.abc import Callable
from typing import Any

from gdpo.plugins.registry import Place
from gdpo.plugins.time_limit import TimeLimit, TimeUp

SECONDS = 60.0
"""Wall-clock limit of one call, on one response."""
SECONDS_VARIABLE = "GDPO_REWARD_SECONDS"
"""Environment variable with another limit; no config key, as one would train every finished run again."""
_SHOWN = 200  # characters of an error's words

Describe = Callable[[str, Place], Exception]
"""(what went wrong, where in the code) -> the error to raise."""


class MetricError(RuntimeError):
    """A metric that does not exist, or gives no finite number; the message says which and where."""


def seconds_allowed() -> float:
    """The limit of one call that the environment sets, or the default.

    Raises:
        ValueError: it sets something that is no positive number.
    """
    text = os.environ.get(SECONDS_VARIABLE, "")
    try:
        seconds = float(text or SECONDS)
    except ValueError:
        seconds = float("nan")
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{SECONDS_VARIABLE} is {text!r}; it must be a positive number of seconds")
    return seconds


def call(limit: TimeLimit, describe: Describe, function: Callable, /, *args: Any, **options: Any) -> Any:
    """Call a function within a time limit.

    Args:
        limit: of the call; :meth:`TimeLimit.calls` is around all of them.
        describe: makes the error.
        function: the function; it may raise and hang.
        args: its arguments.
        options: its keywords.

    Raises:
        Exception: what ``describe`` makes, where the function raises or hangs.
    """
    hangs = too_long(limit.seconds)
    try:
        with limit.call(lambda: _last_words(describe(hangs, Place.of(function)))):
            return function(*args, **options)
    except TimeUp:
        raise describe(hangs, Place.of(function)) from None
    except (Exception, SystemExit) as cause:
        raise describe(raised(cause), place_in(function, cause)) from cause


def too_long(seconds: float) -> str:
    """What is said of a call that hangs."""
    return f"took longer than {seconds:g} s ({SECONDS_VARIABLE} sets the limit)"


def raised(cause: BaseException) -> str:
    """What is said of a call that raised."""
    return f"raised {type(cause).__name__} ({' '.join(str(cause).split())[:_SHOWN]})"


def place_in(function: Callable, cause: BaseException) -> Place:
    """The line of the function's file that the error came through last."""
    file = Place.of(function).file
    lines = [frame.lineno for frame in traceback.extract_tb(cause.__traceback__) if frame.filename == file]
    return Place(file, lines[-1]) if lines else Place.of(function)


def _last_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

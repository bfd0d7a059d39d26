"""What is refused, in one place: names, numbers and choices that a researcher can get wrong."""

import difflib
import math
from collections.abc import Iterable, Mapping


class AdvantageError(ValueError):
    """Rewards, groups, lengths, a config or a state that no advantage can rightly be computed from."""


def check_names(what: str, given: Iterable[str], rewards: Iterable[str]) -> None:
    """Raise :class:`AdvantageError` unless ``given`` holds exactly the names in ``rewards``, in any order.

    ``what`` says whose names they are ("GDPOConfig.weights"). A misspelt name is shown with its nearest
    valid one.
    """
    given, rewards = list(given), list(rewards)
    valid = ", ".join(map(str, rewards))
    for name in given:
        if name not in rewards:
            near = difflib.get_close_matches(str(name), [str(reward) for reward in rewards], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise AdvantageError(f"{what} names {name!r}, which is not a reward{hint} (rewards: {valid})")
    for name in rewards:
        if name not in given:
            raise AdvantageError(f"{what} lacks the reward {name!r} (rewards: {valid})")


def check_number(key: str, value: object, allowed: str, low: float, high: float = math.inf) -> None:
    """Raise :class:`AdvantageError` unless ``value`` is a finite number in [``low``, ``high``].

    ``allowed`` is the range in words, shown with ``key`` and ``value``.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        raise AdvantageError(f"{key} is {value!r}; allowed: {allowed}")


def check_whole(key: str, value: object) -> None:
    """Raise :class:`AdvantageError` unless ``value`` is a whole number of steps, 0 or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise AdvantageError(f"{key} is {value!r}; allowed: a whole number, 0 or more")


def check_flag(key: str, value: object) -> None:
    """Raise :class:`AdvantageError` unless ``value`` is True or False (the text "false" would be true)."""
    if not isinstance(value, bool):
        raise AdvantageError(f"{key} is {value!r}; allowed: true or false")


def check_choice(key: str, value: object, allowed: Iterable[object]) -> None:
    """Raise :class:`AdvantageError` unless ``value`` is one of ``allowed``."""
    allowed = tuple(allowed)
    if value not in allowed:
        raise AdvantageError(f"{key} is {value!r}; allowed: {', '.join(map(repr, allowed))}")


def check_named_numbers(key: str, numbers: object, allowed: str, low: float = -math.inf) -> None:
    """Raise :class:`AdvantageError` unless ``numbers`` is None or maps names to finite numbers >= ``low``."""
    if numbers is None:
        return
    if not isinstance(numbers, Mapping):
        raise AdvantageError(f"{key} is {numbers!r}; allowed: a map from reward name to number, or none")
    for name, value in numbers.items():
        check_number(f"{key}[{name!r}]", value, allowed, low)

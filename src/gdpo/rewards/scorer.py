"""All rewards of a run, by name."""

import asyncio
import math
import reprlib
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from graphlib import CycleError, TopologicalSorter
from numbers import Real
from types import MappingProxyType
from typing import Any, NamedTuple

from gdpo.plugins import REWARDS
from gdpo.plugins.calling import call, place_in, raised, seconds_allowed, too_long
from gdpo.plugins.kinds import Reward
from gdpo.plugins.registry import Place
from gdpo.plugins.time_limit import TimeLimit
from gdpo.rewards.response import Response, judged
from gdpo.tasks import Problem

AT_ONCE = 64
"""Responses that an asynchronous reward is asked about at the same time."""
_LARGEST = 3.4028234663852886e38  # float32's: the trainer computes in it
_ROUNDING = 1e-9  # by which a value may miss its range; the trainer's float32 does not see it
_SHOWN = 100  # characters of a response in an error


class RewardError(RuntimeError):
    """A reward function that gives no reward; the message names reward, line and response."""


class Condition(NamedTuple):
    """A reward counts only where another is at least so high (GDPO paper, eq. 8)."""

    reward: str
    at_least: float


class RewardSpec(NamedTuple):
    """One named reward of a run."""

    function: str
    weight: float
    options: dict[str, Any]
    condition: Condition | None = None

    def needs(self) -> set[str]:
        """Names of the run's rewards that must be known before this one."""
        return {*REWARDS[self.function].reads, *([self.condition.reward] if self.condition else [])}


def order_of(specs: Mapping[str, RewardSpec]) -> list[str]:
    """Names of the rewards, each after those that it needs.

    Raises:
        ValueError: a reward needs one that the run does not have, or they need each other in a circle.
    """
    needs = {name: spec.needs() for name, spec in specs.items()}
    for name, others in needs.items():
        if missing := sorted(others - set(specs)):
            condition = specs[name].condition
            key = ".conditioned_on.reward" if condition and condition.reward == missing[0] else ""
            raise ValueError(
                f"rewards.{name}{key}: needs the reward {missing[0]!r}, which the run does not have; "
                f"it has {', '.join(specs)}"
            )
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ValueError(f"rewards.{error.args[1][0]}: needs itself: {circle}") from None


class Scorer:
    """Judges each response once and gives every named reward of it. Picklable; holds no model and no state.

    Args:
        specs: reward name -> function name in :data:`gdpo.plugins.REWARDS`, weight, options and condition.
        seconds: wall-clock limit of one function on one response; by default what
            :func:`gdpo.plugins.calling.seconds_allowed` gives.

    Raises:
        KeyError: a function that does not exist.
        ValueError: the limit is no positive number, or the rewards need each other in a circle.
    """

    def __init__(self, specs: Mapping[str, RewardSpec], seconds: float | None = None):
        self.specs = dict(specs)
        self.seconds = seconds_allowed() if seconds is None else seconds
        self._rewards = {name: REWARDS[spec.function] for name, spec in self.specs.items()}
        self._order = order_of(self.specs)
        self._bounds = {name: self._rewards[name].bounds(spec.options) for name, spec in self.specs.items()}

    @property
    def of_groups(self) -> bool:
        """Whether a reward needs all responses to one prompt at once."""
        return any(made.group for made in self._rewards.values())

    def __call__(
        self,
        texts: Sequence[str],
        token_ids: Sequence[Sequence[int]],
        problems: Sequence[Problem],
        groups: Sequence[Hashable] | None = None,
    ) -> list[dict[str, float]]:
        """Name -> value for each response, in order; safe to call from any thread.

        A function that hangs off the main thread ends the process: see :mod:`gdpo.plugins.time_limit`.

        Args:
            texts: responses, decoded without special tokens.
            token_ids: their tokens, the end-of-sequence token included.
            problems: what each answers.
            groups: which responses are to one prompt; by default those to one problem.

        Raises:
            RewardError: a function that raises, hangs, or gives anything but a finite number in its range.
            gdpo.tasks.JudgeError: a grader of a plug-in failed.
        """
        responses = judged(texts, [len(ids) for ids in token_ids], problems, token_ids)
        return self.score(responses, groups)

    def score(
        self, responses: Sequence[Response], groups: Sequence[Hashable] | None = None
    ) -> list[dict[str, float]]:
        """:meth:`__call__` for responses that are judged already."""
        groups = [response.problem.id for response in responses] if groups is None else groups
        found: dict[str, list[float]] = {}
        limit = TimeLimit(self.seconds)
        with limit.calls():
            for name in self._order:
                values = self._values(name, _reading(responses, self._rewards[name], found), groups, limit)
                if condition := self.specs[name].condition:
                    others = found[condition.reward]
                    values = [
                        _conditioned(value, other, condition.at_least)
                        for value, other in zip(values, others, strict=True)
                    ]
                found[name] = values
        return [{name: found[name][i] for name in self.specs} for i in range(len(responses))]

    def total(self, rewards: Mapping[str, float]) -> float:
        """The weighted sum of the named rewards (what GRPO sees, and ``train/reward``).

        A reward that has no value for a response (an optional one's None) is left out.
        """
        return sum(
            self.specs[name].weight * value for name, value in rewards.items() if not math.isnan(value)
        )

    def _values(
        self, name: str, responses: Sequence[Response], groups: Sequence[Hashable], limit: TimeLimit
    ) -> list[float]:
        made = self._rewards[name]
        if made.group:
            raw = self._of_groups(name, responses, groups, limit)
        elif made.asynchronous:
            raw = self._all_at_once(name, responses)
        else:
            options, function = self.specs[name].options, made.function
            raw = [
                call(limit, self._error(name, responses, i), function, response, **options)
                for i, response in enumerate(responses)
            ]
        return [self._number(name, value, responses, i) for i, value in enumerate(raw)]

    def _of_groups(
        self, name: str, responses: Sequence[Response], groups: Sequence[Hashable], limit: TimeLimit
    ) -> list[Any]:
        members: dict[Hashable, list[int]] = {}
        for index, group in enumerate(groups):
            members.setdefault(group, []).append(index)
        raw: list[Any] = [None] * len(responses)
        function, options = self._rewards[name].function, self.specs[name].options
        for indices in members.values():
            error = self._error(
                name, responses, indices[0], f" and the {len(indices) - 1} others of its group"
            )
            values = call(limit, error, function, [responses[i] for i in indices], **options)
            ordered = hasattr(values, "__len__") and not isinstance(values, (Mapping, Set, str))
            count = len(values) if ordered else None
            if count != len(indices):
                gave = f"{count} values" if count is not None else reprlib.repr(values)
                raise error(f"gave {gave} for {len(indices)} responses", Place.of(function))
            for index, value in zip(indices, values, strict=True):
                raw[index] = value
        return raw

    def _all_at_once(self, name: str, responses: Sequence[Response]) -> list[Any]:
        """What an ``async`` function gives, in an event loop of its own: the caller's may be running."""
        function, options = self._rewards[name].function, self.specs[name].options
        outcome: list[Any] = []

        async def ask(index: int, turn: asyncio.Semaphore) -> Any:
            error = self._error(name, responses, index)
            async with turn:
                try:
                    async with asyncio.timeout(self.seconds) as time:
                        return await function(responses[index], **options)
                except (Exception, SystemExit, asyncio.CancelledError) as cause:
                    if isinstance(cause, TimeoutError) and time.expired():
                        raise error(too_long(self.seconds), Place.of(function)) from cause
                    if isinstance(cause, asyncio.CancelledError) and asyncio.current_task().cancelling():
                        raise  # another response's failure ends this one
                    raise error(raised(cause), place_in(function, cause)) from cause

        async def ask_all() -> list[Any]:
            turn = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as tasks:
                asked = [tasks.create_task(ask(index, turn)) for index in range(len(responses))]
            return [task.result() for task in asked]

        def run() -> None:
            try:
                outcome.append(asyncio.run(ask_all()))
            except BaseException as error:
                outcome.append(error)

        # As a daemon: one that blocks its loop must not keep the process from its end.
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(self.seconds * (2 + len(responses) // AT_ONCE))
        if not outcome:
            place = Place.of(function)
            raise self._error(name, responses, 0)(f"{too_long(self.seconds)} without awaiting", place)
        if isinstance(outcome[0], BaseExceptionGroup):
            raise outcome[0].exceptions[0]
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]

    def _error(
        self, name: str, responses: Sequence[Response], index: int, others: str = ""
    ) -> Callable[[str, Place], RewardError]:
        def describe(problem: str, place: Place) -> RewardError:
            response = responses[index]
            start = response.text[:_SHOWN] + ("..." if len(response.text) > _SHOWN else "")
            return RewardError(
                f"reward {name} {problem} on response {index + 1} of {len(responses)}{others}; mend {place}, "
                f"or take the reward out of rewards. The response ({response.n_tokens} tokens): {start!a}"
            )

        return describe

    def _number(self, name: str, value: Any, responses: Sequence[Response], index: int) -> float:
        made = self._rewards[name]
        error, place = self._error(name, responses, index), Place.of(made.function)
        if made.optional and value is None:
            return math.nan
        if (number := _number(value)) is None:
            raise error(f"gave {reprlib.repr(value)} (a {type(value).__name__}), not a number,", place)
        if not abs(number) <= _LARGEST:
            raise error(f"gave {number!r}, not a finite float32 number,", place)
        if (bounds := self._bounds[name]) is None:
            return number
        if (nearest := in_range(number, bounds)) is None:
            raise error(f"gave {number!r}, outside of its range {bounds[0]:g} to {bounds[1]:g},", place)
        return nearest


def in_range(number: float, bounds: tuple[float, float]) -> float | None:
    """The number within its bounds, which rounding may leave; None where it is outside.

    A sum of shares may be 1.0000000000000002, which must not end a training.
    """
    nearest = min(max(number, bounds[0]), bounds[1])
    return nearest if math.isclose(number, nearest, rel_tol=_ROUNDING, abs_tol=_ROUNDING) else None


def _conditioned(value: float, other: float, at_least: float) -> float:
    """GDPO paper, eq. 8; no value (not a number) where the other reward has none."""
    if math.isnan(other):
        return math.nan
    return value if other >= at_least else 0.0


def _reading(
    responses: Sequence[Response], made: Reward, found: Mapping[str, Sequence[float]]
) -> Sequence[Response]:
    """The responses with the rewards that a function reads."""
    if not made.reads:
        return responses
    return [
        response._replace(rewards=MappingProxyType({name: _value(found[name][i]) for name in made.reads}))
        for i, response in enumerate(responses)
    ]


def _value(reward: float) -> float | None:
    """A reward as others read it: None where it has no value."""
    return None if math.isnan(reward) else reward


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

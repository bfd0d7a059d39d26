"""The kinds of things that can be brought: what is known of each, and its registry."""

import inspect
from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

from gdpo.plugins.registry import Registry

Range = tuple[float, float]


class Reward(NamedTuple):
    """A reward function and what is known of it; see :func:`reward`."""

    function: Callable[..., Any]
    constant: Callable[..., str | None] | None = None
    range: Range | Callable[..., Range] | None = None
    group: bool = False
    reads: tuple[str, ...] = ()
    optional: bool = False
    grader: str | None = None

    @property
    def asynchronous(self) -> bool:
        """Whether it waits for something else: all responses are asked about at once."""
        return inspect.iscoroutinefunction(self.function)

    def bounds(self, options: dict[str, Any]) -> Range | None:
        """Lowest and highest value with these options; None where no range is declared."""
        return self.range(**self._all(options)) if callable(self.range) else self.range

    def why_constant(self, max_tokens: int, options: dict[str, Any]) -> str | None:
        """Why every response of at most ``max_tokens`` tokens gets the same; None where they may differ."""
        return self.constant(max_tokens, **self._all(options)) if self.constant else None

    def _all(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options, and the function's defaults of the others."""
        parameters = inspect.signature(self.function).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty} | options


def range_problem(reward: Reward, options: dict[str, Any]) -> str | None:
    """What is wrong with the range that a reward declares, or None.

    Args:
        reward: the reward.
        options: of its function.
    """
    try:
        bounds = reward.bounds(options)
        good = bounds is None or (len(bounds) == 2 and -inf < bounds[0] <= bounds[1] < inf)
    except Exception as error:
        return f"its range cannot be had ({type(error).__name__}: {error})"
    return (
        None if good else f"its range is {bounds!r}; allowed: the lowest and the highest value, both finite"
    )


class Method(NamedTuple):
    """An advantage estimator; see :func:`method`."""

    function: Callable[..., Any]
    config_cls: type
    """Dataclass of its settings; without arguments it is the method's default."""
    state_cls: type | None
    """Dataclass of what it carries from step to step, or none."""
    takes: frozenset[str]
    """Which of ``state`` and ``lengths`` it is called with."""
    label: str
    """As written in figures and tables."""


class Source(NamedTuple):
    """Makes the rows of a dataset; see :func:`source`."""

    function: Callable[..., Any]
    package: str | None = None
    """Installed package that it reads, whose version tells contents apart."""


class Grader(NamedTuple):
    """Says whether a response is right; see :func:`grader`."""

    function: Callable[..., Any]
    batched: bool = False
    task: str | None = None
    """Task whose golds it reads; None: of any."""
    ready: Callable[[], None] | None = None
    """Raises JudgeError where it cannot judge on this machine; None: it always can."""


class Task(NamedTuple):
    """What makes problems of a dataset's rows; see :func:`task`."""

    function: Callable[..., Any]
    grader: str
    """Who judges responses, where a dataset names no other."""
    right: Callable[[Any], tuple[str, str] | None] | None
    """Of a gold: what a right response says before and after its reasoning, or None where that does not tell;
    None: a boxed answer after it."""
    tokens: int
    """Longest response of a rehearsal."""
    ignores: tuple[str, ...]
    """Keys of datasets and problem sets that it has no use for: setting one is refused."""
    suffix: str | None = None
    """What is appended to texts where a problem set names no suffix of its own; None: as for mathematics."""


class Metric(NamedTuple):
    """A metric of evaluation; see :func:`metric`."""

    function: Callable[..., Any]
    what: str
    """What it is, in a sentence."""
    label: str
    """Head of its column in the tables."""
    unit: str
    """``%`` for a share, else a unit or nothing."""
    of_samples: bool
    """Whether it is of the table of scored samples, and not of one response."""
    grader: str | None = None
    """Whose measurements it needs; None: no one's."""


class Figure(NamedTuple):
    """A figure; see :func:`figure`."""

    function: Callable[..., Any]
    title: str
    caption: str
    """reStructuredText."""
    takes: tuple[str, ...]
    """What it draws from, in the order of its parameters: some of :data:`gdpo.plugins.DRAWN_FROM`."""
    of_method: str | None
    """Only runs of this method are drawn, and nothing where there is none."""
    data: bool
    """Whether it gives the numbers that it shows beside the figure."""


REWARDS: Registry[Reward] = Registry("reward")
METHODS: Registry[Method] = Registry("method")
SOURCES: Registry[Source] = Registry("source")
GRADERS: Registry[Grader] = Registry("grader")
TASKS: Registry[Task] = Registry("task")
METRICS: Registry[Metric] = Registry("metric")
FIGURES: Registry[Figure] = Registry("figure")

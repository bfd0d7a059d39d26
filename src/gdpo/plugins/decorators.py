"""The decorators by which things come in, the package's own rewards, methods, graders and metrics too."""

import inspect
import re
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import partial
from typing import Any

from gdpo.plugins.drawn_from import DRAWN_FROM
from gdpo.plugins.kinds import (
    FIGURES,
    GRADERS,
    METHODS,
    METRICS,
    REWARDS,
    SOURCES,
    TASKS,
    Figure,
    Grader,
    Method,
    Metric,
    Range,
    Reward,
    Source,
    Task,
)
from gdpo.plugins.registry import check_signature, misfit, parameters_of


def reward(
    function: Callable | None = None,
    *,
    constant: Callable[..., str | None] | None = None,
    range: Range | Callable[..., Range] | None = None,  # noqa: A002 - what it is
    group: bool = False,
    reads: tuple[str, ...] = (),
    optional: bool = False,
    grader: str | None = None,
) -> Callable:
    """Register a reward function under its own name: ``@reward``, or ``@reward(...)``.

    It takes one :class:`gdpo.rewards.Response` and its options as keywords, and returns a number. An
    ``async`` function is asked about all responses at once.

    Args:
        function: the function.
        constant: called with the longest response of a training in tokens (``max_tokens``) and the function's
            options; says in a sentence why every response gets the same, None where they may differ.
            Without it they always may.
        range: lowest and highest value, or what gives them for the options; another value is an error.
        group: it takes all responses to one prompt, and returns as many numbers.
        reads: names of rewards of the same run that it finds in ``response.rewards``.
        optional: it may return None: no value for this response, which then neither gains nor loses by it.
        grader: whose ``response.verdict.measured`` it reads; a run on other problems is refused.

    Raises:
        gdpo.plugins.PluginError: the signature does not fit, or the name is taken.
    """
    said = {"constant": constant, "range": range, "group": group, "reads": reads, "optional": optional}
    if function is None:
        return partial(reward, **said, grader=grader)
    first = "the responses to one prompt" if group else "a response"
    check_signature("reward", function, first)
    if group and inspect.iscoroutinefunction(function):
        raise misfit(
            "reward", function, "is async and of a group; await within a plain function of the group"
        )
    if constant is not None and not callable(constant):
        raise misfit("reward", function, f"has constant={constant!r:.60}: give a function that says why")
    if isinstance(reads, str):
        raise misfit("reward", function, f"reads {reads!r}: write reads=({reads!r},)")
    entry = Reward(function, constant, range, group, tuple(reads), optional, grader)
    REWARDS.add(function.__name__, entry)
    return function


def method(
    function: Callable | None = None,
    *,
    config: type | None = None,
    state: type | None = None,
    name: str | None = None,
    label: str | None = None,
) -> Callable:
    """Register an advantage estimator: ``@method(config=MyConfig)``.

    It takes ``batch`` (:class:`gdpo.advantage.RewardBatch`) and ``config``, and of ``state`` and ``lengths``
    what it names; it returns a :class:`gdpo.advantage.Step`.

    Args:
        function: the function.
        config: dataclass of its settings, a :class:`gdpo.advantage.RewardConfig`; each has a default.
        state: dataclass of what it keeps from step to step, plain JSON values; it is part of every
            checkpoint, and None at the first step.
        name: by default the function's.
        label: as written in figures and tables; by default the name.

    Raises:
        gdpo.plugins.PluginError: the signature does not fit, or the name is taken.
    """
    if function is None:
        return partial(method, config=config, state=state, name=name, label=label)
    if config is None:
        raise misfit("method", function, "has no config: write @method(config=MyConfig)")
    given = parameters_of("method", function)
    allowed = {"batch", "config", "state", "lengths"} if state else {"batch", "config", "lengths"}
    if not {"batch", "config"} <= set(given) <= allowed:
        wrong = sorted(set(given) ^ {"batch", "config"} - {"state", "lengths"})
        hint = "; state needs @method(state=...)" if "state" in given and not state else ""
        raise misfit(
            "method", function, f"takes {', '.join(given) or 'nothing'}; it must take batch and config, and "
            f"may take state and lengths ({', '.join(wrong)}){hint}"
        )  # fmt: skip
    for kind, cls in (("config", config), ("state", state)):
        if cls is not None and not is_dataclass(cls):
            raise misfit("method", function, f"has a {kind} that is no dataclass: {cls!r}")
    if "weights" not in config.__dataclass_fields__ or not hasattr(config, "check_rewards"):
        raise misfit("method", function, f"has the config {config.__name__}, which must extend RewardConfig")
    name = name or function.__name__
    takes = frozenset(given) - {"batch", "config"}
    METHODS.add(name, Method(function, config, state, takes, label or name))
    return function


def source(function: Callable | None = None, *, package: str | None = None) -> Callable:
    """Register what makes a dataset's rows: it takes options as keywords, and gives one dict a row.

    Args:
        function: the function.
        package: installed package that it reads: another version of it makes the rows again.

    Raises:
        gdpo.plugins.PluginError: the signature does not fit, or the name is taken.
    """
    if function is None:
        return partial(source, package=package)
    check_signature("source", function, None)
    SOURCES.add(function.__name__, Source(function, package))
    return function


def grader(
    function: Callable | None = None,
    *,
    batched: bool = False,
    task: str | None = None,
    ready: Callable[[], None] | None = None,
) -> Callable:
    """Register what says whether a response is right: ``@grader``.

    It takes ``response`` (its text) and ``problem`` (:class:`gdpo.tasks.Problem`), and returns True or
    False, or a :class:`gdpo.tasks.Verdict`, which also says which answer was found.

    Args:
        function: the function.
        batched: it takes ``responses`` and ``problems``, and returns as many.
        task: whose golds it reads; datasets of another task that name it are refused. None: of any.
        ready: called before a training begins; raises :class:`gdpo.tasks.JudgeError` where what it needs on
            this machine is not there.

    Raises:
        gdpo.plugins.PluginError: the signature does not fit, or the name is taken.
    """
    if function is None:
        return partial(grader, batched=batched, task=task, ready=ready)
    given = list(parameters_of("grader", function))
    wanted = ["responses", "problems"] if batched else ["response", "problem"]
    if given != wanted:
        raise misfit(
            "grader", function, f"takes {', '.join(given) or 'nothing'}; it must take {' and '.join(wanted)}"
        )
    GRADERS.add(function.__name__, Grader(function, batched, task, ready))
    return function


def task(
    function: Callable | None = None,
    *,
    grader: str,
    name: str | None = None,
    right: Callable[[Any], tuple[str, str] | None] | None = None,
    tokens: int = 40,
    ignores: tuple[str, ...] = (),
    suffix: str | None = None,
) -> Callable:
    """Register a task, what makes a problem of a dataset's row: ``@task(grader="my_grader")``.

    It takes ``row`` (:class:`gdpo.tasks.Row`) and returns :class:`gdpo.tasks.Asked`, or raises
    :class:`gdpo.tasks.RowError` with the reason that the row is left out for.

    Args:
        function: the function.
        grader: registered grader of responses, where a dataset names no other.
        name: by default the function's.
        right: for rehearsals, whose tiny models half know the answers: of a :class:`gdpo.tasks.Gold`, what a
            right response says before and after its reasoning, or None where the gold does not tell; by
            default, a boxed answer after it.
        tokens: longest response of a rehearsal.
        ignores: keys that do nothing for its problems: kinds of column, ``several_answers``, ``suffix``.
        suffix: appended to texts where a problem set names no suffix of its own; by default the boxed
            answer's of mathematics.

    Raises:
        gdpo.plugins.PluginError: the signature or an argument does not fit, or the name is taken.
    """
    if function is None:
        said = {"name": name, "right": right, "tokens": tokens, "ignores": ignores, "suffix": suffix}
        return partial(task, grader=grader, **said)
    if (given := list(parameters_of("task", function))) != ["row"]:
        raise misfit("task", function, f"takes {', '.join(given) or 'nothing'}; it must take row")
    several = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(kind(function) for kind in several):
        raise misfit("task", function, "is async or a generator; it must return Asked, for one row at a time")
    if not isinstance(grader, str):
        raise misfit("task", function, f"has grader={grader!r:.60}: give the name of a grader, as a text")
    if right is not None and not callable(right):
        raise misfit("task", function, f"has right={right!r:.60}: give a function of a gold")
    if type(tokens) is not int or tokens < 1:
        raise misfit("task", function, f"has tokens={tokens!r:.60}: give a whole number above 0")
    if suffix is not None and not isinstance(suffix, str):
        raise misfit("task", function, f"has suffix={suffix!r:.60}: give a text")
    TASKS.add(name or function.__name__, Task(function, grader, right, tokens, ignores, suffix))
    return function


def metric(
    function: Callable | None = None,
    *,
    name: str | None = None,
    label: str | None = None,
    unit: str = "%",
    grader: str | None = None,
) -> Callable:
    """Register a metric of evaluation: ``@metric``, or ``@metric(label=...)``.

    It takes either ``response`` (:class:`gdpo.rewards.Response`) and gives its number, or ``samples`` (the
    data frame of one model's scored samples on one benchmark) and ``limit`` (response length in tokens) and
    gives one number a row. A metric is the mean over problems of the mean of a problem's samples.

    Args:
        function: the function; the first line of its docstring says what it is.
        name: by default the function's.
        label: head of its column in the tables; by default the name.
        unit: ``%`` for a share (shown as such), else a unit or an empty text.
        grader: whose ``response.verdict.measured`` it reads; benchmarks that another judges are refused.

    Raises:
        gdpo.plugins.PluginError: the signature does not fit, or the name is taken.
    """
    if function is None:
        return partial(metric, name=name, label=label, unit=unit, grader=grader)
    given = list(parameters_of("metric", function))
    if given not in (["response"], ["samples"], ["samples", "limit"]):
        raise misfit(
            "metric", function, f"takes {', '.join(given) or 'nothing'}; it must take response, or samples, "
            "or samples and limit"
        )  # fmt: skip
    name = name or function.__name__
    what = (inspect.getdoc(function) or name).splitlines()[0]
    entry = Metric(function, what, label or name.replace("_", " "), unit, given[0] == "samples", grader)
    METRICS.add(name, entry)
    return function


def figure(
    function: Callable | None = None,
    *,
    title: str | None = None,
    of_method: str | None = None,
    data: bool = False,
) -> Callable:
    """Register a figure: ``@figure``, or ``@figure(title=...)``.

    The function takes what it draws from by name (:data:`DRAWN_FROM`) and returns Matplotlib's figure; it is
    drawn again where any of that changes, and left out where it is empty. Its docstring is the caption.

    Args:
        function: the function.
        title: in the report; by default its name.
        of_method: ``training`` holds only runs of this method; without any, nothing is drawn.
        data: it returns the figure and a data frame of what it shows, which is written beside it.

    Raises:
        gdpo.plugins.PluginError: the signature does not fit, or the name is taken.
    """
    if function is None:
        return partial(figure, title=title, of_method=of_method, data=data)
    given = tuple(parameters_of("figure", function))
    if unknown := [name for name in given if name not in DRAWN_FROM]:
        raise misfit("figure", function, f"takes {unknown[0]}; it may take {', '.join(DRAWN_FROM)}")
    if title and set("{}") & set(title):
        raise misfit("figure", function, f"has braces in its title: {title}")
    words = function.__name__.replace("_", " ")
    # As it stands: reStructuredText and templates would read marks in it as their own.
    caption = re.sub(r"([^\w\s]|_)", r"\\\1", " ".join((inspect.getdoc(function) or words).split()))
    entry = Figure(function, title or words, caption, given, of_method, data)
    FIGURES.add(function.__name__, entry)
    return function

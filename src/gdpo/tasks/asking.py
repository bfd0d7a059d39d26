"""Rows given to a plug-in's task: what it gives is looked at, and what goes wrong is one sentence."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from math import inf
from numbers import Real
from typing import Any

from gdpo.plugins import GRADERS, TASKS
from gdpo.plugins.calling import call, seconds_allowed
from gdpo.plugins.loading import plugin_of
from gdpo.plugins.registry import Place
from gdpo.plugins.task_code import may_judge
from gdpo.plugins.time_limit import TimeLimit
from gdpo.tasks.row import ROLES, Asked, Row, RowError


@contextlib.contextmanager
def asking(
    task: str, describe: Callable[[int, str, Place], Exception]
) -> Iterator[Callable[[int, Row], Asked]]:
    """What asks a task, given a row's number and the row.

    It raises :class:`RowError` where the task leaves the row out, and what ``describe`` makes where a
    plug-in's task raises something else, hangs, or gives no usable :class:`Asked`. The package's own are
    called as they are, as nothing of theirs may go wrong.

    Args:
        task: registered name.
        describe: (row number, what is wrong, where in the code) -> the error to raise.
    """
    function = TASKS[task].function
    if plugin_of(TASKS, task) is None:
        yield lambda index, row: function(row)
        return
    limit = TimeLimit(seconds_allowed())

    @functools.wraps(function)  # so that errors are of its lines
    def reasoned(row: Row) -> Any:
        try:
            return function(row)
        except RowError as error:
            return error

    def ask(index: int, row: Row) -> Asked:
        asked = call(limit, functools.partial(describe, index), reasoned, row)
        if isinstance(asked, RowError):
            raise asked
        if what := problem_of(task, asked):
            raise describe(index, what, Place.of(function))
        return asked

    with limit.calls():
        yield ask


def problem_of(task: str, asked: Any) -> str | None:
    """What is wrong with what a task gave for a row, in words, or None."""
    if not isinstance(asked, Asked):
        return f"gave {_said(asked)}, no Asked; raise RowError where a row is to be left out"
    rules = {
        "text": (_filled(asked.text), "a text that is not empty"),
        "answers": (_all(_filled, asked.answers, list), "a list of one text or more"),
        "answer_type": (_filled(asked.answer_type), "a text that is not empty"),
        "tolerance": (_tolerance(asked.tolerance), "a positive number, or None"),
        "unit": (asked.unit is None or isinstance(asked.unit, str), "a text, or None"),
        "changes": (
            asked.changes in ((), []) or _all(_filled, asked.changes, list, tuple),
            "a list of texts",
        ),
        "messages": (
            asked.messages is None or _all(_message, asked.messages, list, tuple),
            f"a list of one or more {{'role': ..., 'content': ...}}, roles {', '.join(ROLES)}, "
            "contents not empty, or None",
        ),
    }
    for field, (good, allowed) in rules.items():
        if not good:
            return f"gave {field}={_said(getattr(asked, field))}; it must be {allowed}"
    return asked.grader and _grader_problem(task, asked.grader)


def _grader_problem(task: str, grader: Any) -> str | None:
    if not isinstance(grader, str) or grader not in GRADERS:
        there = ", ".join(sorted(GRADERS))
        return f"gave grader={_said(grader)}, and there is no such grader; there are: {there}"
    # Else a change of its code would not be seen.
    if plugin_of(GRADERS, grader) and grader not in may_judge(task):
        return f"gave grader={grader!r}, which another plug-in has; put it into the task's file"
    return None


def _said(value: Any) -> str:
    return "None" if value is None else f"{value!r:.60} (a {type(value).__name__})"


def _filled(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _all(rule: Callable[[Any], bool], values: Any, *kinds: type) -> bool:
    return isinstance(values, kinds) and len(values) > 0 and all(map(rule, values))


def _tolerance(value: Any) -> bool:
    return value is None or (isinstance(value, Real) and not isinstance(value, bool) and 0 < value < inf)


def _message(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"role", "content"}
        and value["role"] in ROLES
        and _filled(value["content"])
    )

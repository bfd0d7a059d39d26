"""Everything that a plug-in registers, looked at."""

import functools
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gdpo.plugin_check.evidence import Evidence
from gdpo.plugin_check.found import Checked
from gdpo.plugin_check.numbers import check_grader, check_metric, check_reward, fitting
from gdpo.plugin_check.steps import check_method
from gdpo.plugins import FIGURES, GRADERS, SOURCES, TASKS, PluginError
from gdpo.plugins.calling import call, seconds_allowed
from gdpo.plugins.loading import file_of
from gdpo.plugins.registry import ALL, Place
from gdpo.plugins.time_limit import TimeLimit
from gdpo.tasks import Row, RowError
from gdpo.tasks.asking import asking

FIRST_ROWS = 20
"""Rows that are asked of a source: it may have millions."""
MADE_UP = Row("What is 2+2?", "4")
NO_SAMPLES = "not run: no samples"


def check_plugin(
    file: str,
    evidence: Evidence | None,
    options: Mapping[str, Mapping[str, Any]],
    named: Mapping[str, str],
    limit: int | None = None,
) -> list[Checked]:
    """Run what a loaded plug-in registers.

    Args:
        file: as it was loaded (:func:`gdpo.plugins.loading.load`).
        evidence: stored samples; without them rewards, graders and metrics are only listed.
        options: reward or source -> its options.
        named: reward name -> function, of rewards that others read.
        limit: response-length limit of metrics in tokens; by default the median length of the samples.

    Raises:
        PluginError: it registers nothing.
        ValueError: options of something that it does not have.
    """
    parts = [(kind, name) for kind, there in ALL.items() for name in there if file_of(there, name) == file]
    if not parts:
        raise PluginError(
            f"plug-in {file}: registers nothing; put @reward, @method, @source, @task, @grader, @metric or "
            "@figure of gdpo.plugins before a function"
        )
    known = {*ALL["reward"], *ALL["source"], *named}
    if unknown := sorted(set(options) - known):
        raise ValueError(
            f"--options {unknown[0]}: no reward or source; there are: {', '.join(sorted(known))}"
        )
    return [_checked(kind, name, evidence, options, named, limit) for kind, name in parts]


def _checked(
    kind: str,
    name: str,
    evidence: Evidence | None,
    options: Mapping[str, Mapping[str, Any]],
    named: Mapping[str, str],
    limit: int | None,
) -> Checked:
    listed = Checked(kind, name, str(ALL[kind].place(name)))
    if kind == "method":
        return check_method(name, evidence)
    if kind == "source":
        return _check_source(listed, options.get(name, {}))
    if kind == "figure":
        drawn_from = ", ".join(FIGURES[name].takes) or "nothing"
        return listed._replace(seen=f"not run: it is drawn from a whole study ({drawn_from})")
    if kind == "task":
        return _check_task(listed)
    if evidence is None:
        return listed._replace(seen=NO_SAMPLES)
    if kind == "reward":
        return check_reward(name, options, named, evidence)
    if kind == "grader":
        return check_grader(name, evidence)
    return check_metric(name, evidence, limit or int(evidence.scores["n_tokens"].median()))


def _check_task(listed: Checked) -> Checked:
    """Have a task make a problem of a row that is made up."""
    name = listed.name
    row = f"problem {MADE_UP.problem!r}, answer {MADE_UP.answer!r}"
    if (grader := TASKS[name].grader) not in GRADERS:
        there = ", ".join(sorted(GRADERS))
        words = f"task {name} has grader={grader!r}, and there is no such grader; there are: {there}"
        return listed._replace(failed=f"{words}; mend {listed.place}")

    def error(index: int, what: str, place: Place) -> ValueError:
        return ValueError(f"task {name} {what} on a made-up row ({row}); mend {place}")

    try:
        with asking(name, error) as ask:
            asked = ask(0, MADE_UP)
    except RowError as reason:
        return listed._replace(seen=f"leaves a made-up row out ({row}): {reason}")
    except ValueError as problem:
        return listed._replace(failed=str(problem))
    said = " | ".join(f"{m['role']}: {m['content']}" for m in asked.messages or ()) or asked.text
    golds = ", ".join(asked.answers)
    judge = asked.grader or grader
    return listed._replace(seen=f"of a made-up row ({row}) it asks: {said}; gold: {golds}; judged by {judge}")


def _check_source(listed: Checked, options: Mapping[str, Any]) -> Checked:
    function = SOURCES[listed.name].function
    time_limit = TimeLimit(seconds_allowed())

    def error(what: str, place: Place) -> ValueError:
        return ValueError(f"source {listed.name} {what}; mend {place}")

    @functools.wraps(function)  # so that errors are of its lines
    def first() -> list[Any]:
        return list(itertools.islice(function(**given), FIRST_ROWS))

    try:
        given = fitting("source", listed.name, function, options)
    except ValueError as problem:
        # Without any it is not wrong: only an experiment knows how many rows it wants.
        return listed._replace(**({"failed": str(problem)} if options else {"seen": f"not run: {problem}"}))
    try:
        with time_limit.calls():
            rows = call(time_limit, error, first)
    except ValueError as problem:
        return listed._replace(failed=str(problem))
    wrong = next((row for row in rows if not isinstance(row, dict)), None)
    if wrong is not None or not rows:
        what = f"gave a {type(wrong).__name__} as a row, not a dict" if rows else "gave no row"
        return listed._replace(failed=str(error(what, Place.of(function))))
    columns = ", ".join(dict.fromkeys(str(column) for row in rows for column in row))
    more = "or more " if len(rows) == FIRST_ROWS else ""
    return listed._replace(seen=f"{len(rows)} {more}rows with {columns}")


def parse_named(given: list[str]) -> dict[str, str]:
    """``right=correctness`` -> reward name and function.

    Raises:
        ValueError: one is not NAME=FUNCTION.
    """
    found = {}
    for text in given:
        name, _, function = text.partition("=")
        if not (name and function):
            raise ValueError(f"--reward {text}: give NAME=FUNCTION, as in right=correctness")
        found[name] = function
    return found


def parse_options(given: list[str]) -> dict[str, dict[str, Any]]:
    """``short={limit: 20}`` -> reward or source and its options, in YAML.

    Raises:
        ValueError: one is not NAME={KEY: VALUE}.
    """
    from gdpo.config.recipe import parse_changes

    found = parse_changes(given)
    for name, options in found.items():
        if not isinstance(options, dict):
            raise ValueError(
                f"--options {name}={options}: give NAME={{KEY: VALUE}}, as in short={{limit: 20}}"
            )
    return found


def check_file(
    file: Path,
    samples: Path | None,
    problems: Path | None,
    options: list[str],
    named: list[str],
    limit: int | None,
    most: int,
    results: Path,
) -> int:
    """Load a plug-in, look at it and print what was seen; 1 where anything failed, else 0.

    Raises:
        PluginError: it does not load, or registers nothing.
        ValueError: options or samples that cannot be used.
    """
    from gdpo.plugin_check.evidence import evidence_of, newest_samples
    from gdpo.plugin_check.show import show_checks
    from gdpo.plugins.loading import load, named_in_environment

    given, reads = parse_options(options), parse_named(named)
    load([*named_in_environment(), str(file)])
    if problems and not samples:
        raise ValueError(f"--problems {problems}: give the samples of these problems too, with --samples")
    where = samples or newest_samples(results)
    evidence = evidence_of(where, problems, most) if where else None
    found = check_plugin(str(file), evidence, given, reads, limit)
    show_checks(found, evidence, results)
    return int(any(each.failed for each in found))

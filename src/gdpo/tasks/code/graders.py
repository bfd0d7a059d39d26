"""The grader of programs: all tests of a problem, in a sandbox."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from cachetools import LRUCache

from gdpo.plugins import grader
from gdpo.tasks.code.programs import program_of
from gdpo.tasks.code.sandbox.choice import sandbox
from gdpo.tasks.code.sandbox.outcome import Sandbox
from gdpo.tasks.code.unit_tests import says_right, unit_tests_of
from gdpo.tasks.problem import Problem
from gdpo.tasks.verdict import Verdict

Results = tuple[float, bool]
"""Share of tests passed, and whether no test ended in an error."""
_ENDED_WELL = ("ok", "failed")

_KNOWN: LRUCache[tuple[str, str], Results] = LRUCache(4096)
_LOCK = threading.Lock()


@grader(batched=True, task="code", ready=sandbox)
def unit_tests(responses: Sequence[str], problems: Sequence[Problem]) -> list[Verdict]:
    """Right where the program passes all tests of its problem.

    It measures ``pass_rate``, the share of tests passed, and ``runs``: 1 where no test ended in a compile or
    run-time error, of which too much time or memory is one, else 0. Without a program both are 0. Programs
    that are equal are run once.
    """
    programs = [program_of(response) for response in responses]
    golds = [problem.gold.answers[0] for problem in problems]
    wanted = dict.fromkeys((p, gold) for p, gold in zip(programs, golds, strict=True) if p is not None)
    with _LOCK:
        found = {key: _KNOWN[key] for key in wanted if key in _KNOWN}
    if missing := [key for key in wanted if key not in found]:
        executor = sandbox()
        with ThreadPoolExecutor(min(executor.at_once, len(missing))) as pool:
            results = pool.map(partial(_results, executor), missing)
            new = dict(zip(missing, results, strict=True))
        with _LOCK:
            _KNOWN.update(new)
        found |= new
    return [
        _verdict(program, found.get((program, gold), (0.0, False)))
        for program, gold in zip(programs, golds, strict=True)
    ]


def _results(executor: Sandbox, key: tuple[str, str]) -> Results:
    program, gold = key
    tests = unit_tests_of(gold)
    runs = executor.run(tests.job(program))
    passed = tests.passed(runs)
    if open_ones := [place for place, value in enumerate(passed) if value is None]:
        said = executor.run(tests.checker_job(runs, open_ones))
        for place, run in zip(open_ones, said, strict=True):
            passed[place] = says_right(run)
    return sum(map(bool, passed)) / len(tests), all(run.status in _ENDED_WELL for run in runs)


def _verdict(program: str | None, results: Results) -> Verdict:
    rate, runs = results
    return Verdict(
        "correct" if rate == 1 else "wrong",
        program,
        well_formed=program is not None,
        vote=program,
        measured={"pass_rate": rate, "runs": float(runs)},
    )

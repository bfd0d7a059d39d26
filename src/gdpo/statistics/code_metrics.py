"""Metrics of programs, of each response to a problem of the task ``code``: name them in evaluation.metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gdpo.plugins import metric

if TYPE_CHECKING:
    from gdpo.rewards import Response


@metric(label="pass rate %")
def pass_rate(response: Response) -> float:
    """share of a problem's unit tests that the program passes"""
    return _measured(response, "pass_rate")


@metric(label="bug %")
def bug(response: Response) -> float:
    """share of programs that end in a compile or run-time error on a test, or are none"""
    return 1.0 - _measured(response, "runs")


def _measured(response: Response, name: str) -> float:
    found = response.verdict.measured or {}
    if name not in found:
        raise ValueError(
            f"needs problems judged by the grader unit_tests (datasets of the task code); this one is judged by "
            f"{response.problem.grader}"
        )
    return found[name]

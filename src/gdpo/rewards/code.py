"""Placeholder of the rewards of programs, until the lead's take this file's place."""

from gdpo.plugins import reward
from gdpo.rewards.response import Response


@reward(range=(0.0, 1.0), grader="unit_tests")
def pass_rate(response: Response) -> float:
    """Share of the problem's tests that the program passes (GDPO paper, coding setting)."""
    return response.verdict.measured["pass_rate"]


@reward(range=(0.0, 1.0), grader="unit_tests")
def bug(response: Response) -> float:
    """1 if the program runs without a compile or run-time error, else 0 (GDPO paper, coding setting)."""
    return response.verdict.measured["runs"]

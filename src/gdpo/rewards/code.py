"""Rewards and metrics of programs, for problems of the task ``code``."""

from gdpo.plugins import metric, reward
from gdpo.rewards.response import Response

GRADER = "unit_tests"


@reward(range=(0.0, 1.0), grader=GRADER)
def pass_rate(response: Response) -> float:
    """Share of the problem's tests that the program passes; 0 without a program.

    Source: GDPO paper (arXiv 2601.05242), section 4.3.
    """
    return response.measured("pass_rate", GRADER)


@reward(range=(0.0, 1.0), grader=GRADER)
def bug(response: Response) -> float:
    """1 if no test ends in a compile or run-time error, of which too much time or memory is one, else 0.

    Without a program it is 0. Source: GDPO paper (arXiv 2601.05242), section 4.3.
    """
    return response.measured("runs", GRADER)


@metric(name="pass_rate", label="pass rate %", grader=GRADER)
def share_of_tests(response: Response) -> float:
    """mean share of a problem's tests that the program passes"""
    return response.measured("pass_rate", GRADER)


@metric(name="bug", label="bug %", grader=GRADER)
def share_with_bugs(response: Response) -> float:
    """share of samples without a program, or whose program ends in a compile or run-time error"""
    return 1.0 - response.measured("runs", GRADER)

"""The grader of tool calls against ToolRL's gold texts."""

import json

from gdpo.plugins import grader
from gdpo.tasks.problem import Problem
from gdpo.tasks.tool_calling.calls import (
    HIGHEST,
    RESPONSE,
    TOOL_CALL,
    UNREADABLE,
    calls_score,
    gold_calls,
    predicted_calls,
    well_formed,
)
from gdpo.tasks.verdict import Verdict

NO_CALL = "no call"
"""The vote of a response without a tool call."""


@grader(task="tool-calling")
def tool_calls(response: str, problem: Problem) -> Verdict:
    """Right where the calls are those of the gold, in any order; without any in the gold, where it answers.

    It measures ``format`` (0 or 1) and ``correctness`` (-3 to 3), which the rewards are.
    """
    wanted = gold_calls(problem.gold.answers[0])
    calls = predicted_calls(response)
    called = f"<{TOOL_CALL}>" in response
    form = well_formed(response, wanted.parts)
    score = calls_score(calls, wanted.calls) if TOOL_CALL in wanted.parts else 0.0
    right = score == HIGHEST if TOOL_CALL in wanted.parts else not called and _inner(response, RESPONSE) != ""
    extracted = _inner(response, TOOL_CALL if called else RESPONSE)
    return Verdict(
        "correct" if right else "wrong",
        extracted or None,
        well_formed=form,
        vote=_vote(calls) if called else NO_CALL,
        measured={"format": float(form), "correctness": score},
    )


def _inner(text: str, part: str) -> str:
    """What stands in the first of a part's tags; nothing where it is not there."""
    return text.partition(f"<{part}>")[2].partition(f"</{part}>")[0].strip()


def _vote(calls: list | None) -> str | None:
    """Calls in one spelling and order; None where they cannot be read."""
    try:
        return None if calls is None else "\n".join(sorted(json.dumps(c, sort_keys=True) for c in calls))
    except UNREADABLE:
        return None

"""What a problem is, how a response to it is judged, and what is measured: one room a task."""

import gdpo.tasks.code.rows
import gdpo.tasks.math.rows
import gdpo.tasks.tool_calling.rows  # noqa: F401 - each registers its task and its graders
from gdpo.tasks.judge import check_ready, form_of, judge_all, vote_of
from gdpo.tasks.problem import Gold, Problem
from gdpo.tasks.reasoning import after_reasoning, from_opening_tag, leaves_reasoning_open
from gdpo.tasks.row import Asked, Row, RowError
from gdpo.tasks.verdict import JudgeError, Verdict

__all__ = [
    "Asked",
    "Gold",
    "JudgeError",
    "Problem",
    "Row",
    "RowError",
    "Verdict",
    "after_reasoning",
    "check_ready",
    "form_of",
    "from_opening_tag",
    "judge_all",
    "leaves_reasoning_open",
    "vote_of",
]

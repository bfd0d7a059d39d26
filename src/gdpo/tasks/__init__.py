"""What a problem is, how a response to it is judged, and what is measured: one room a task."""

import gdpo.tasks.math.graders  # noqa: F401 - registers its graders
from gdpo.tasks.judge import form_of, judge_all, vote_of
from gdpo.tasks.problem import Gold, Problem
from gdpo.tasks.reasoning import after_reasoning, from_opening_tag, leaves_reasoning_open
from gdpo.tasks.verdict import JudgeError, Verdict

__all__ = [
    "Gold",
    "JudgeError",
    "Problem",
    "Verdict",
    "after_reasoning",
    "form_of",
    "from_opening_tag",
    "judge_all",
    "leaves_reasoning_open",
    "vote_of",
]

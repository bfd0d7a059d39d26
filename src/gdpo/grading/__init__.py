"""Text in, verdict out: what a response answers and whether that is right."""

from gdpo.grading.answers import (
    extract_answer,
    from_opening_tag,
    is_well_formed,
    leaves_reasoning_open,
)
from gdpo.grading.compare import Gold
from gdpo.grading.grader import Grader, GraderError, grade, grade_all
from gdpo.grading.judge import JudgeError, judge_all
from gdpo.grading.normal import normalize_answer
from gdpo.grading.problem import Problem
from gdpo.grading.verdict import Verdict

__all__ = [
    "Gold",
    "Grader",
    "GraderError",
    "JudgeError",
    "Problem",
    "Verdict",
    "extract_answer",
    "from_opening_tag",
    "grade",
    "grade_all",
    "is_well_formed",
    "judge_all",
    "leaves_reasoning_open",
    "normalize_answer",
]

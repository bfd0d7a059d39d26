"""Text in, verdict out: what a response answers and whether that is right."""

from gdpo.grading.answers import extract_answer, is_well_formed
from gdpo.grading.compare import Gold
from gdpo.grading.grader import Grader, GraderError, grade, grade_all
from gdpo.grading.normal import normalize_answer
from gdpo.grading.verdict import Verdict

__all__ = [
    "Gold",
    "Grader",
    "GraderError",
    "Verdict",
    "extract_answer",
    "grade",
    "grade_all",
    "is_well_formed",
    "normalize_answer",
]

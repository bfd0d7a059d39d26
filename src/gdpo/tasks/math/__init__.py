"""Mathematics: the last boxed answer of a response, and whether it equals the gold."""

from gdpo.tasks.math.answers import extract_answer, is_well_formed
from gdpo.tasks.math.grader import Grader, GraderError, grade, grade_all
from gdpo.tasks.math.normal import normalize_answer

__all__ = [
    "Grader",
    "GraderError",
    "extract_answer",
    "grade",
    "grade_all",
    "is_well_formed",
    "normalize_answer",
]

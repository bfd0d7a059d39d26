"""Text in, verdict out: what a response answers and whether that is right."""

from gdpo.grading.answers import extract_answer, normalize_answer, reasoning_and_answer
from gdpo.grading.verdict import Verdict, grade

__all__ = ["Verdict", "extract_answer", "grade", "normalize_answer", "reasoning_and_answer"]

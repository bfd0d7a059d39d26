"""The part of grading that needs no parser."""

from gdpo.tasks.math.answers import extract_answer
from gdpo.tasks.math.compare import is_right
from gdpo.tasks.math.normal import LONGEST_ANSWER
from gdpo.tasks.problem import Gold
from gdpo.tasks.verdict import Verdict


def verdict_without_parser(response: str, gold: Gold) -> Verdict | None:
    """The verdict on the last boxed answer, or None where it takes a parser."""
    extracted = extract_answer(response)
    if extracted is None or len(extracted) > LONGEST_ANSWER:
        return Verdict("wrong", extracted)
    try:
        right = is_right(extracted, gold)
    except RecursionError:  # tuples in tuples, hundreds deep, in the answer and in the gold
        return Verdict("error", extracted)
    return None if right is None else Verdict("correct" if right else "wrong", extracted)

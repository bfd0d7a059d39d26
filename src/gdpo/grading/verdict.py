"""What grading finds, and the part of it that needs no parser."""

from typing import Literal, NamedTuple

from gdpo.grading.answers import extract_answer
from gdpo.grading.compare import Gold, is_right
from gdpo.grading.normal import LONGEST_ANSWER


class Verdict(NamedTuple):
    """What was found in a response, and the judgement of it."""

    verdict: Literal["correct", "wrong", "timeout", "error"]
    """``timeout`` and ``error``: the checker ran out of time, or failed. Neither counts as correct."""
    extracted: str | None
    """The answer found, as written; None where there is none."""


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

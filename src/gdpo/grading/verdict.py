"""Judge a response against the gold answer."""

import logging
from typing import Literal, NamedTuple

from gdpo.grading.answers import extract_answer, normalize_answer

logger = logging.getLogger(__name__)


class Verdict(NamedTuple):
    """What was found in a response, and the judgement of it."""

    verdict: Literal["correct", "wrong", "error"]
    """``error``: the checker itself failed; such a response counts as not correct, and is counted apart."""
    extracted: str | None
    """The answer found, as written; None where the response has no closed box."""


def grade(response: str, gold: str) -> Verdict:
    r"""Judge the last boxed answer of ``response`` against ``gold`` (plain text or LaTeX).

    A response without a closed ``\boxed{}`` is wrong. Equal normalised strings are right without a parser;
    everything else is judged by math-verify, whose argument order is (gold, answer).
    """
    extracted = extract_answer(response)
    if extracted is None:
        return Verdict("wrong", None)
    given, wanted = normalize_answer(extracted), normalize_answer(gold)
    if given == wanted:
        return Verdict("correct", extracted)
    if _is_integer(given) and _is_integer(wanted):
        return Verdict("wrong", extracted)
    return _verify(extracted, gold)


def _is_integer(text: str) -> bool:
    return text.lstrip("+-").isdecimal()


def _verify(extracted: str, gold: str) -> Verdict:
    # Imported here: sympy takes a second, and plain integers never need it.
    from math_verify import parse, verify

    try:
        # Its own timeouts are signal.alarm, which raises off the main thread, where veRL grades.
        wanted = parse(f"\\boxed{{{gold}}}", parsing_timeout=None)
        given = parse(f"\\boxed{{{extracted}}}", parsing_timeout=None)
        right = verify(wanted, given, timeout_seconds=None)
    except Exception:  # the parser raises many kinds on malformed LaTeX
        logger.warning("math-verify failed on %r against %r", extracted[:80], gold[:80], exc_info=True)
        return Verdict("error", extracted)
    return Verdict("correct" if right else "wrong", extracted)

r"""Canonical forms: the usual spellings of one answer compare equal without a parser.

What is done here changes spelling only. Where two forms differ the answers may be equal; a parser tells.
"""

import re
from fractions import Fraction
from typing import NamedTuple

_SPELLINGS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (r"\\\$|\$|(?<!\\)\\[()\[\]]", ""),  # dollars, delimiters of mathematics; `\\\\` is a new row
        (r"\\(?:left|right|bigg?[lr]?|Bigg?[lr]?)(?![A-Za-z])\.?", ""),
        (r"(?<!\\)\\!", ""),
        (r"(?<!\\)\\[,;: ]|~|\\q?quad(?![A-Za-z])|\\displaystyle(?![A-Za-z])", " "),
        (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
        (r"\^\s*(?:\{\s*)?\\circ\s*\}?|\\degree(?![A-Za-z])|°", ""),
        (r"\\%", "%"),
        (r"\{,\}", ","),
        (r"[−–]", "-"),
        (r"π", r"\\pi "),
        (r"∞", r"\\infty "),
        (r"\\(le|ge|ne)q(?![A-Za-z])", r"\\\1"),
        (r"\\(?:text|mathrm|mbox|textrm)\s*\{\s*(and|or)\s*\}", ","),
        # \frac12 and \frac1{2}, \sqrt2, x_{2}, x^{2}
        (r"\\frac\s*([0-9a-zA-Z])\s*([0-9a-zA-Z])", r"\\frac{\1}{\2}"),
        (r"\\frac\s*([0-9a-zA-Z])\s*\{", r"\\frac{\1}{"),
        (r"\\frac\s*(\{[^{}]*\})\s*([0-9a-zA-Z])", r"\\frac\1{\2}"),
        (r"\\sqrt\s*([0-9a-zA-Z])", r"\\sqrt{\1}"),
        (r"([_^])\s*\{\s*([0-9a-zA-Z])\s*\}", r"\1\2"),
    ]
]
_WRAPPER = re.compile(r"\\(?:text(?:bf|it|rm|sf|tt)?|mathrm|mathbf|mathit|mathsf|mbox|bf|operatorname)\s*\{")
_WRAPPED = re.compile(_WRAPPER.pattern + r"([^{}]*)\}")
_UNIT = re.compile(r"(?<=[\d})%.A-Za-z])\s*(?:" + _WRAPPED.pattern + r"(?:\s*\^\s*\{?-?\d\}?)?[\s.]*)+$")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?%?")
_WORDS = re.compile(r"[A-Za-z][A-Za-z' -]*")
_SHORT_WORDS = {"yes", "no"}  # others of up to three letters may be products: ab, xyz
_DECIMAL = r"(?:\d+(?:\.\d*)?|\.\d+)"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)(?:"
    rf"(?P<decimal>{_DECIMAL})(?:(?:\\times|\\cdot|×|\*)10\^\{{?(?P<power>[+-]?\d{{1,3}})\}}?|[eE](?P<e>[+-]?\d{{1,3}}))?"
    rf"|10\^\{{?(?P<ten>[+-]?\d{{1,3}})\}}?"
    rf"|(?P<whole>\d+)?\\frac\{{(?P<minus>-?)(?P<over>{_DECIMAL})\}}\{{(?P<under>{_DECIMAL})\}}"
    rf"|(?P<a>{_DECIMAL})/(?P<b>{_DECIMAL})"
    rf")(?P<percent>%?)"
)
_MOST_DIGITS = 1000
LONGEST_ANSWER = 5_000
"""Characters; a longer answer is wrong without a look at it (real gold answers have a few hundred)."""


class Number(NamedTuple):
    """A plain number, exactly."""

    value: Fraction
    percent: bool
    """Whether it was written with a percent sign; ``value`` is what stands before the sign."""


def clean(answer: str) -> str:
    """The answer with one spelling for what has several, still to be read by a parser.

    Dollar signs, sizes, degrees, thousands separators and the words after a number go; fractions, roots,
    indices and white space are written in one way. A text longer than ``LONGEST_ANSWER`` stays as it is: the
    time of some patterns grows with the square of the length.
    """
    text = answer.strip()
    if len(text) > LONGEST_ANSWER:
        return text
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    text = " ".join(_UNIT.sub("", text.strip()).split())
    if wrapped := _WRAPPED.fullmatch(text):
        text = wrapped[1].strip()
    if letter := re.fullmatch(r"\(\s*([A-Za-z]|0\d+)\s*\)\.?", text):  # (C) of a choice, AIME's (051)
        text = letter[1]
    if _THOUSANDS.fullmatch(text.rstrip(".")):
        text = text.replace(",", "")
    return text.rstrip(".") if len(text) > 1 else text


def normalize_answer(answer: str) -> str:
    """A canonical string: :func:`clean` without white space; ``025`` and ``142.0`` are ``25`` and ``142``."""
    text = re.sub(r"\s+", "", clean(answer)).removeprefix("+")
    if integer := re.fullmatch(r"(-?)0*((?!0)\d+|0)(?:\.0*)?", text):
        sign, digits = integer.groups()
        return f"-{digits}" if sign == "-" and digits != "0" else digits
    return text


def words(answer: str) -> str | None:
    r"""The answer in lower case where it is words (``\text{Evelyn}``, ``Tuesday``), else None.

    A parser would take unwrapped words for products of letters, so that *east* equals *seat*.
    """
    text = answer.strip().strip("$").strip().rstrip(".")
    wrapped = _WRAPPED.fullmatch(text)
    text = (wrapped[1] if wrapped else text).strip().strip("()").replace("\\ ", " ")
    text = " ".join(text.split())
    if not _WORDS.fullmatch(text):
        return None
    longest = max(len(word) for word in re.split(r"[ '-]", text))
    return text.lower() if wrapped or longest > 3 or text.lower() in _SHORT_WORDS else None


def parse_number(normal: str) -> Number | None:
    """The number that a normalised answer is, or None where it is no plain number.

    Integers, decimals, powers of ten, fractions and mixed numbers, each with or without a percent sign.
    """
    found = _NUMBER.fullmatch(normal) if len(normal) <= _MOST_DIGITS else None
    if not found:
        return None
    part = found.groupdict()
    if part["decimal"]:
        value = Fraction(part["decimal"]) * Fraction(10) ** int(part["power"] or part["e"] or 0)
    elif part["ten"]:
        value = Fraction(10) ** int(part["ten"])
    else:
        over, under = Fraction(part["over"] or part["a"]), Fraction(part["under"] or part["b"])
        if under == 0:
            return None
        value = int(part["whole"] or 0) + (over / under) * (-1 if part["minus"] else 1)
    return Number(-value if part["sign"] == "-" else value, bool(part["percent"]))

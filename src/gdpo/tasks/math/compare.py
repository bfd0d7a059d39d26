r"""Whether an answer equals a gold answer: spelling, numbers and structure here, mathematics by a parser.

Each function answers True, False, or None where only a parser can tell and none was given. So one definition
serves the fast path in the caller's process (no parser) and the worker (with one).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from gdpo.tasks.math.normal import Number, clean, normalize_answer, parse_number, words
from gdpo.tasks.problem import Gold

Parser = Callable[[str, str, float | None], bool]
"""(gold, answer, tolerance) -> equal; the order of math-verify."""

ROUNDING = Fraction(1, 10**6)
"""Relative difference up to which a decimal equals another number: six digits, as math-verify rounds."""

_COMMA = r"[,;]|(?<=\s)(?:and|or)(?=\s)"
_BASE = re.compile(r"(?P<digits>[0-9A-F]+)(?:_(?:\d|\{\d+\}))?")

_LESS, _MORE = r"(?:<=?|\\le|\\lt)(?![A-Za-z])", r"(?:>=?|\\ge|\\gt)(?![A-Za-z])"
_INEQUALITY = re.compile(
    rf"(?:(?P<low>[^<>=]+?)\s*(?P<below>{_LESS}))?\s*[A-Za-z]\s*(?P<relation>{_LESS}|(?(low)(?!)|{_MORE}))"
    r"\s*(?P<value>[^<>=,]+?)"
)


def is_right(answer: str, gold: Gold, parser: Parser | None = None) -> bool | None:
    """Whether ``answer`` is right by ``gold``; None where that takes a parser and there is none."""

    def same(one: str, other: str) -> bool | None:
        return _equal(_without(one, gold.unit), _without(other, gold.unit), gold.tolerance, parser)

    if len(gold.answers) == 1:
        return same(answer, gold.answers[0])
    wanted = [part for one in gold.answers for part in _elements(one, brackets=False)]
    together = _unordered(_elements(answer), wanted, same)
    if gold.several == "all":
        return together
    return _any([together, *(same(answer, one) for one in gold.answers)])


def _equal(answer: str, gold: str, tolerance: float | None, parser: Parser | None) -> bool | None:
    given, wanted = normalize_answer(answer), normalize_answer(gold)
    if given == wanted:
        return True
    number, wanted_number = parse_number(given), parse_number(wanted)
    if number and wanted_number:
        return _same_number(number, wanted_number, tolerance)
    if "_" in given + wanted and (digits := _BASE.fullmatch(wanted)) and _BASE.fullmatch(given):
        return given == digits["digits"]  # the base may be left out, and no other one given
    if wanted_words := words(gold):
        return wanted_words == (words(answer) or given.lower())
    if wanted_number and words(answer):
        return False
    answer, gold = _same_form(clean(answer), clean(gold))

    def same(one: str, other: str) -> bool | None:
        return _equal(one, other, tolerance, parser)

    if wanted_number and _structure(answer):
        return False
    by_structure = _same_structure(answer, gold, same)
    if by_structure != "no structure":
        return by_structure
    return parser(gold, answer, tolerance) if parser else None


def _same_number(number: Number, wanted: Number, tolerance: float | None) -> bool:
    values = [number.value]
    if number.percent != wanted.percent:  # 50 % is 50 and 1/2
        values.append(number.value / 100 if number.percent else number.value * 100)
    return any(_close(value, wanted.value, tolerance) for value in values)


def _close(value: Fraction, wanted: Fraction, tolerance: float | None) -> bool:
    if tolerance is not None:
        return abs(value - wanted) <= Fraction(tolerance)
    if value.denominator == wanted.denominator == 1:
        return value == wanted
    return abs(value - wanted) <= ROUNDING * abs(wanted)


def _same_form(answer: str, gold: str) -> tuple[str, str]:
    """Both without what only one of them has: ``x =``, ``x \\in``."""
    prefix = re.compile(r"\s*\\?[A-Za-z]+(?:_\w)?(?:\([a-z]\))?\s*(?:=|\\in(?![A-Za-z]))\s*(?=\S)")
    heads = prefix.match(answer), prefix.match(gold)
    if heads[0] and not heads[1] and "=" not in gold:
        answer = answer[heads[0].end() :]
    elif heads[1] and not heads[0] and "=" not in answer:
        gold = gold[heads[1].end() :]
    return answer, gold


def _without(answer: str, unit: str | None) -> str:
    if not unit:
        return answer
    short, end = normalize_answer(answer), normalize_answer(unit)
    return short.removesuffix(end) if end and short != end else answer


class _Structure(NamedTuple):
    kind: str
    """``list``, ``set``, ``union``, or the brackets of a tuple or interval: ``()``, ``[)``."""
    parts: list[str]


def _same_structure(answer: str, gold: str, same: Callable) -> bool | None | Literal["no structure"]:
    given, wanted = _structure(answer), _structure(gold)
    if given is None and wanted is None:
        return "no structure"
    if given is None or wanted is None:
        # A list is no single value; a vector or an inequality may equal a tuple or an interval.
        return False if "list" in (given and given.kind, wanted and wanted.kind) else "no structure"
    kinds = {given.kind, wanted.kind}
    loose = {"list", "set"}
    if wanted.kind in loose and (given.kind in loose or given.kind in {"()", "[]"} and wanted.kind == "list"):
        return _unordered(given.parts, wanted.parts, same)
    if len(kinds) > 1 and given.kind != "list":
        return False
    compare = _unordered if wanted.kind == "union" else _ordered
    return compare(given.parts, wanted.parts, same)


def _structure(text: str) -> _Structure | None:
    if len(parts := _split(text, r"\\cup(?![A-Za-z])")) > 1:
        return _Structure("union", parts)
    if len(parts := _elements(text, brackets=False)) > 1:
        return _Structure("list", parts)
    if text.startswith(r"\{") and text.endswith(r"\}") and len(parts := _elements(text[2:-2])) > 1:
        return _Structure("set", parts)
    if text[:1] in {"(", "["} and text[-1:] in {")", "]"} and len(parts := _split(text[1:-1], ",")) > 1:
        return _Structure(text[0] + text[-1], parts)
    if inequality := _INEQUALITY.fullmatch(text):
        return _interval(inequality)
    if text.count(r"\pm") == 1:
        return _Structure("list", [text.replace(r"\pm", "+"), text.replace(r"\pm", "-")])
    return None


def _interval(inequality: re.Match) -> _Structure:
    """``a < x \\le b`` as (a, b], ``x > a`` as (a, \\infty)."""
    low, below, relation, value = (inequality[group] for group in ("low", "below", "relation", "value"))
    closed = relation[-1] == "e" or "=" in relation
    if "<" in relation or relation.startswith(r"\l"):
        opening = "[" if below and ("e" in below or "=" in below) else "("
        return _Structure(opening + ("]" if closed else ")"), [low or r"-\infty", value])
    return _Structure(("[" if closed else "(") + ")", [value, r"\infty"])


def _elements(text: str, brackets: bool = True) -> list[str]:
    """The members of a list, written bare or (if ``brackets``) between any brackets."""
    text = clean(text)
    parts = _split(text, _COMMA)
    if len(parts) > 1 or not brackets:
        return parts
    inner = re.fullmatch(r"(?:\\\{|[(\[])(.*)(?:\\\}|[)\]])", text, re.S)
    return _split(inner[1], _COMMA) if inner else parts


def _split(text: str, separator: str) -> list[str]:
    """Parts of ``text`` at separators outside all brackets; the whole where brackets do not balance."""
    depth, start, parts = 0, 0, []
    for token in re.finditer(rf"\\[{{}}]|[()\[\]{{}}]|{separator}", text):
        bracket = token[0][-1]
        if bracket in "([{":
            depth += 1
        elif bracket in ")]}":
            depth -= 1
        elif depth == 0:
            parts.append(text[start : token.start()])
            start = token.end()
        if depth < 0:
            return [text]
    parts.append(text[start:])
    return [part.strip() for part in parts] if depth == 0 and all(map(str.strip, parts)) else [text]


def _ordered(given: Sequence[str], wanted: Sequence[str], same: Callable) -> bool | None:
    if len(given) != len(wanted):
        return False
    return _all(same(one, other) for one, other in zip(given, wanted, strict=True))


def _unordered(given: Sequence[str], wanted: Sequence[str], same: Callable) -> bool | None:
    """Whether each given part equals another wanted part (greedily: equality is transitive)."""
    if len(given) != len(wanted):
        return False
    left, unknown = list(wanted), False
    for one in given:
        verdicts = [same(one, other) for other in left]
        if True in verdicts:
            left.pop(verdicts.index(True))
        elif None in verdicts:
            unknown = True
        else:
            return False
    return None if unknown else True


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    found = list(verdicts)
    return False if False in found else None if None in found else True


def _any(verdicts: Iterable[bool | None]) -> bool | None:
    found = list(verdicts)
    return True if True in found else None if None in found else False

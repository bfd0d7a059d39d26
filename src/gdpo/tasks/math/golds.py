"""Gold answers as files have them, to a list of strings with a type and a tolerance."""

import ast
import math
import re
from typing import Any, NamedTuple

from gdpo.tasks.math.normal import LONGEST_ANSWER, normalize_answer, parse_number, words
from gdpo.tasks.row import RowError

# Of the commas before a bracket only the last is tried: each of them would look as far.
_COMMA_OUTSIDE = re.compile(r",[^,()\[\]{}]*(?:[(\[{]|$)")


class GoldError(RowError):
    """A row without a usable gold answer."""


class NormalGold(NamedTuple):
    """A gold answer and what was changed to get it."""

    answers: list[str]
    answer_type: str
    """integer, number, tuple, interval, list, text or expression: of the first answer."""
    tolerance: float | None
    unit: str | None
    changes: list[str]
    """What was changed, each in a few words."""


def normalise_gold(answer: Any, unit: Any = None, tolerance: Any = None, kind: Any = None) -> NormalGold:
    """The gold answer of one row.

    Args:
        answer: text, number, list of texts, or the text of a Python list of texts.
        unit: unit of the answer, if any.
        tolerance: largest absolute difference, a number or its text, if any.
        kind: the dataset's own word for the answer's kind, if any (OlympiadBench's ``answer_type``).

    Raises:
        GoldError: no answer is left.
    """
    changes: dict[str, None] = {}
    answers = [_text(value, changes) for value in _values(answer, changes)]
    kept = list(dict.fromkeys(text for text in answers if text))
    if len(kept) < len(answers) and kept:
        changes["empty or doubled answer of several removed"] = None
    if not kept:
        raise GoldError("no answer")
    if max(map(len, kept)) > LONGEST_ANSWER:
        raise GoldError(f"answer longer than {LONGEST_ANSWER} characters")
    margin = _tolerance(tolerance, changes)
    return NormalGold(kept, _kind(kept[0], kind), margin, _unit(unit, changes), list(changes))


def _values(answer: Any, changes: dict[str, None]) -> list[Any]:
    if answer is None or (isinstance(answer, float) and math.isnan(answer)):
        return []
    if isinstance(answer, bool):
        changes["true or false taken for yes or no as well"] = None
        return ["yes", "true"] if answer else ["no", "false"]
    if isinstance(answer, (list, tuple)):
        return list(answer)
    if isinstance(answer, str) and re.match(r"\s*\[\s*['\"]", answer):
        # Only lists of quoted texts: [0, 1) and [1, 2] are answers.
        try:
            values = ast.literal_eval(answer.strip())
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):  # as Python documents
            return [answer]
        if not isinstance(values, list):
            return [answer]
        changes["text of a Python list read"] = None
        return list(values)
    return [answer]


def _text(value: Any, changes: dict[str, None]) -> str:
    if value is None or isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, (list, tuple, dict)):
        raise GoldError(f"answer of type {type(value).__name__} within another")
    if isinstance(value, (int, float)):
        if isinstance(value, float) and value.is_integer():
            changes["float written as an integer"] = None
            return str(int(value))
        return str(value)
    text = _stripped(value)
    if text != value:
        changes["white space or dollar signs removed"] = None
    if re.fullmatch(r"-?\d+\.0+", text):
        changes["float written as an integer"] = None
        return text.partition(".")[0]
    if re.fullmatch(r"0\d+", text):
        changes["leading zeros removed"] = None
        return text.lstrip("0") or "0"
    return text


def _stripped(value: Any) -> str:
    text = str(value or "").strip()
    if re.fullmatch(r"\$[^$]*\$\.?", text):
        text = text.rstrip(".").strip("$").strip()
    return text


def _unit(value: Any, changes: dict[str, None]) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str):
        changes[f"unit of type {type(value).__name__} left out"] = None
        return None
    return _stripped(value) or None


def _tolerance(value: Any, changes: dict[str, None]) -> float | None:
    """A number or its text; of several (``1e-1,1e-2``) the largest."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    text = str(value) if isinstance(value, (str, int, float)) else type(value).__name__
    try:
        margin = max(float(part) for part in text.split(","))
    except ValueError:
        margin = math.nan
    if not math.isfinite(margin):
        changes[f"unreadable tolerance {text[:40]!r} left out"] = None
        return None
    return margin if margin > 0 else None


def _kind(answer: str, given: Any) -> str:
    if isinstance(given, str) and given.lower() in {"tuple", "interval"}:
        return given.lower()
    normal = normalize_answer(answer)
    if re.fullmatch(r"-?\d+", normal):
        return "integer"
    if parse_number(normal):
        return "number"
    if words(answer) or re.fullmatch(r"[A-Z]", normal):
        return "text"
    if normal.startswith(("(", "[")) and normal.endswith((")", "]")) and "," in normal:
        mixed = "[" in normal or "]" in normal or "infty" in normal
        return "interval" if mixed else "tuple"
    return "list" if _COMMA_OUTSIDE.search(normal) else "expression"

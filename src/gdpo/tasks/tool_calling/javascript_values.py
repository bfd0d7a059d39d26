"""Values of JavaScript in the text of a call, read as the Berkeley Function Calling Leaderboard reads them.

Its converter (bfcl-eval 2026.3.23, ``eval_checker/ast_eval/type_convertor/js_type_converter.py``) takes the
few spellings below; every other text stays a text. A collection of over :data:`LONGEST` characters stays one
too, as no possible answer is near as long.
"""

import re
from collections.abc import Iterator
from typing import Any

PYTHON_TYPES: dict[str, type] = {
    "String": str,
    "integer": int,
    "float": float,
    "Bigint": int,
    "Boolean": bool,
    "dict": dict,
    "array": list,
    "any": str,
}
"""Type of a parameter -> type of its value once it is read."""
LISTS = ("array",)
"""Types whose elements have a type of their own."""
LONGEST = 1000
"""Characters of a collection that is read."""

_INTEGER = re.compile(r"-?\d+\n?")
_FLOAT = re.compile(r"-?\d+(?:\.\d+)?\n?")
_BIGINT = re.compile(r"-?\d+n\n?")
_ARRAY = re.compile(r"\[([^\]\n]*)\]|new\s+Array\(([^)\n]*)\)")
_FIRST_ROW = re.compile(r"(?:\[|new\s+(Array)\()\s*\[")
_NEXT_ROW = re.compile(r"\]\s*,\s*\[")
_ROW = re.compile(r"\[([^\]\n]*)\]")
_OBJECT = re.compile(r"\{([^}\n]*)\}")


def read_javascript(text: str, kind: str, elements: str | None = None) -> Any:
    """The value that a text stands for, or the text.

    Args:
        text: as the call has it.
        kind: the parameter's type, a key of :data:`PYTHON_TYPES`.
        elements: type of its elements, for :data:`LISTS`.

    Raises:
        ValueError: the leaderboard's converter raises: a type that it does not read, or a number that has too
            many digits.
    """
    if kind == "String":
        return text[1:-1] if _quoted(text) else text
    if kind == "integer":
        return int(text) if _INTEGER.fullmatch(text) else text
    if kind == "float":
        return float(text) if _FLOAT.fullmatch(text) else text
    if kind == "Bigint":
        return int(text[:-1]) if _BIGINT.fullmatch(text) else text
    if kind == "Boolean":
        return text == "true" if text in ("true", "false") else text
    if kind == "any":
        return text
    if kind not in ("array", "dict"):
        raise ValueError(f"values of type {kind} are not read")
    text = text.strip()
    if len(text) > LONGEST:
        return text
    return _object(text) if kind == "dict" else _array(text, elements)


def _quoted(text: str) -> bool:
    return any(text.startswith(mark) and text.endswith(mark) for mark in "\"'")


def _array(text: str, elements: str | None) -> Any:
    if rows := _rows(text):
        found = [row.strip() for row in _ROW.findall(rows)]
        found[0] = found[0].removeprefix("[")  # of the array around
        return [[_untyped(part.strip()) for part in row.split(",")] for row in found]
    found = _ARRAY.match(text)
    if not found:
        return text
    inner = (found[1] if found[1] is not None else found[2]).strip()
    parts = [part.strip() for part in inner.split(",")] if inner else []
    if not elements:
        return [_untyped(part) for part in parts]
    try:
        return [read_javascript(part, elements) for part in parts]
    except ValueError:
        return text


def _rows(text: str) -> str | None:
    """The array of arrays that a text begins with; None where it begins with none.

    An array within ends at the first ``]`` of its line from which the rest can be read: another array after a
    comma, where that goes on to an end, else the end of the whole. From right to left each ``]`` is looked at
    once, where the leaderboard's regular expression takes time that grows exponentially.
    """
    opening = _FIRST_ROW.match(text)
    if not opening:
        return None
    closing = ")" if opening[1] else "]"
    ends: dict[int, int | None] = {}  # of a "]" and what follows on its line -> end of the whole
    below = len(text)
    for at in reversed([i for i, character in enumerate(text) if character == "]"]):
        same_line = "\n" not in text[at:below]
        ends[at] = _end(text, at, closing, ends) or (ends.get(below) if same_line else None)
        below = at
    first = _closing_of(text, opening.end())
    end = ends[first] if first is not None else None
    return text[:end] if end else None


def _end(text: str, at: int, closing: str, ends: dict[int, int | None]) -> int | None:
    """Where the whole ends if an inner array ends at ``at``."""
    if another := _NEXT_ROW.match(text, at):
        first = _closing_of(text, another.end())
        if first is not None and ends[first]:
            return ends[first]
    rest = text[at + 1 :].lstrip()
    return len(text) - len(rest) + 1 if rest.startswith(closing) else None


def _closing_of(text: str, start: int) -> int | None:
    """The first ``]`` from ``start`` on, on the same line."""
    at = text.find("]", start)
    return None if at < 0 or "\n" in text[start:at] else at


def _object(text: str) -> Any:
    if text == "{}":
        return {}
    found = _OBJECT.match(text)
    if not found:
        return text
    read = {}
    for key, value in _pairs(found[1]):
        value = value.strip()
        array = value.startswith("[") and value.endswith("]")
        read[key.strip().strip("'\"")] = _array(value, None) if array else _untyped(value.strip("'\""))
    return read


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Key and value of each entry; a comma ends a value if a key and a colon follow before the next comma."""
    start = 0
    while True:
        start += len(text[start:]) - len(text[start:].lstrip(":"))  # a key has a character
        colon = text.find(":", start)
        if colon < 0:
            return
        value = colon + 1 + len(text[colon + 1 :]) - len(text[colon + 1 :].lstrip())
        comma, after = _end_of_value(text, value)
        yield text[start:colon], text[value:comma]
        start = after


def _end_of_value(text: str, start: int) -> tuple[int, int]:
    """Where a value ends, and where the next key begins."""
    comma = text.find(",", start)
    while comma >= 0:
        following = text.find(",", comma + 1)
        segment = text[comma + 1 : following if following >= 0 else len(text)]
        spaces = len(segment) - len(segment.lstrip())
        colon = segment.rfind(":")
        if colon > spaces:
            return comma, comma + 1 + spaces
        if colon == spaces > 0:  # a space is the key
            return comma, comma + spaces
        comma = following
    return len(text), len(text)


def _untyped(text: str) -> Any:
    """A value by its spelling alone."""
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    if _quoted(text):
        return text[1:-1]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text

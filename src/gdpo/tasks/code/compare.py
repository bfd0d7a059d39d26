"""Whether what a program said is what a test wants, as judges of programming contests compare."""

import json
from itertools import zip_longest
from math import isclose
from typing import Any


def same_output(output: str, wanted: str, tolerance: float | None = None) -> bool:
    """Whether two outputs have the same lines, but for blanks at the end of lines and lines at the end.

    Args:
        output: of the program.
        wanted: by the test.
        tolerance: largest difference of two numbers, absolute or relative; None: texts are compared.
    """
    lines, others = _lines(output), _lines(wanted)
    if lines == others or tolerance is None:
        return lines == others
    return len(lines) == len(others) and all(
        _same_words(line, other, tolerance) for line, other in zip(lines, others, strict=True)
    )


def same_value(encoded: Any, wanted: Any, tolerance: float | None = None) -> bool:
    """Whether two values are equal, each in the form of :mod:`gdpo.tasks.code.sandbox.inside.values`.

    Tuples and lists are alike, as tests are JSON, which has no tuples.

    Args:
        encoded: what the function returned.
        wanted: by the test.
        tolerance: as for outputs.
    """
    try:
        return _same(encoded, wanted, tolerance)
    except (RecursionError, TypeError, LookupError):  # no encoded value
        return False


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _same_words(line: str, other: str, tolerance: float) -> bool:
    pairs = zip_longest(line.split(), other.split())
    return all(word == wanted or _close(_number(word), _number(wanted), tolerance) for word, wanted in pairs)


def _number(word: str | None) -> float | None:
    try:
        return None if word is None else float(word)
    except ValueError:
        return None


def _close(number: float | None, wanted: float | None, tolerance: float) -> bool:
    if number is None or wanted is None:
        return False
    return isclose(number, wanted, rel_tol=tolerance, abs_tol=tolerance)


def _in_order(pairs: list[Any]) -> list[Any]:
    """The kind, then keys and values in the order of the keys."""
    return [pairs[0], *sorted(pairs[1:], key=lambda pair: json.dumps(pair[0]))]


def _same(encoded: Any, wanted: Any, tolerance: float | None) -> bool:
    if isinstance(encoded, list) and isinstance(wanted, list):
        if not encoded or not wanted or len(encoded) != len(wanted):
            return encoded == wanted
        kinds = encoded[0], wanted[0]
        if kinds == ("dict", "dict"):
            encoded, wanted = _in_order(encoded), _in_order(wanted)
        inner = 1 if set(map(str, kinds)) <= {"list", "tuple"} else 0
        return all(map(_same, encoded[inner:], wanted[inner:], [tolerance] * len(encoded)))
    numbers = isinstance(encoded, int | float) and isinstance(wanted, int | float)
    if tolerance is not None and numbers:
        return _close(encoded, wanted, tolerance)
    return (numbers or type(encoded) is type(wanted)) and encoded == wanted

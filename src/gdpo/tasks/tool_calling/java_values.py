"""Values of Java in the text of a call, read as the Berkeley Function Calling Leaderboard reads them.

Its converter (bfcl-eval 2026.3.23, ``eval_checker/ast_eval/type_convertor/java_type_converter.py``) takes the
few spellings below; every other text stays a text. A collection of over :data:`LONGEST` characters stays one
too, as no possible answer is near as long: its searches take time that grows with a power of the length.
"""

import re
from collections.abc import Callable
from typing import Any

PYTHON_TYPES: dict[str, type] = {
    **dict.fromkeys(("byte", "short", "integer", "long"), int),
    **dict.fromkeys(("float", "double"), float),
    **dict.fromkeys(("char", "String", "any"), str),
    **dict.fromkeys(("Array", "ArrayList", "Queue", "Stack"), list),
    **dict.fromkeys(("HashMap", "Hashtable"), dict),
    "boolean": bool,
    "Set": set,
}
"""Type of a parameter -> type of its value once it is read."""
LISTS = ("Array", "ArrayList")
"""Types whose elements have a type of their own."""
LONGEST = 1000
"""Characters of a collection that is read."""

_INTEGER = re.compile(r"-?\d+\n?")
_LONG = re.compile(r"(-?\d+)[lL]\n?")
_DOUBLE = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\n?")
_FLOAT = re.compile(r"(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)[fF]\n?")
_ARRAY = re.compile(r"new\s+\w+\[\]\s*\{([^}\n]*)\}")
_AS_LIST = re.compile(r"new\s+ArrayList<\w*>\(Arrays\.asList\((.+?)\)\)")
_NEW_LIST = re.compile(r"new\s+ArrayList<\w*>\(\)")
_ADDED = re.compile(r"new\s+ArrayList<\w*>\(\)\s*\{\{\s*")
_ADD = re.compile(r"add\((.[^)\n]*)\)")
_NEW_MAP = re.compile(r"new\s+HashMap<.*?>\s*\(\)")
_FILLED_MAP = re.compile(r"new\s+HashMap<.*?>\s*\(\)\s*\{\s*\{?\s*", re.DOTALL)
_PUT = re.compile(r'put\("(.*?)",\s*(.*?)\)')


def read_java(text: str, kind: str, elements: str | None = None) -> Any:
    """The value that a text stands for, or the text.

    Args:
        text: as the call has it.
        kind: the parameter's type, a key of :data:`PYTHON_TYPES`.
        elements: type of its elements, for :data:`LISTS`.

    Raises:
        ValueError: the leaderboard's converter raises: a type that it does not read, or a number that has too
            many digits.
    """
    if kind in ("byte", "short", "integer"):
        return int(text) if _INTEGER.fullmatch(text) else text
    if kind == "long":
        found = _LONG.fullmatch(text)
        return int(found[1]) if found else text
    if kind == "float":
        found = _FLOAT.fullmatch(text)
        return float(found[1]) if found else text
    if kind == "double":
        return float(text) if _DOUBLE.fullmatch(text) else text
    if kind == "boolean":
        return text == "true" if text in ("true", "false") else text
    if kind in ("char", "String", "any"):
        return text
    if kind not in ("Array", "ArrayList", "HashMap"):
        raise ValueError(f"values of type {kind} are not read")
    if len(text) > LONGEST:
        return text
    if kind == "HashMap":
        return _map(text)
    return _array(text, elements) if kind == "Array" else _array_list(text, elements)


def _array(text: str, elements: str | None) -> Any:
    found = _ARRAY.search(text)
    if not found:
        return text
    read = _reader(elements)
    return [read(part.strip()) for part in found[1].split(",") if part.strip()]


def _array_list(text: str, elements: str | None) -> Any:
    if elements in ("char", "String"):  # between quotes

        def read(part: str) -> str:
            return part[1:-1]
    else:
        read = _reader(elements)
    if found := _AS_LIST.search(text):
        return [read(part.strip()) for part in found[1].split(",")]
    if found := _ADDED.search(text):
        body = text[found.end() :]
        end = body.find("}}", 1)
        return [read(part.strip()) for part in _ADD.findall(body[:end])] if end > 0 else []
    return [] if _NEW_LIST.search(text) else text


def _map(text: str) -> Any:
    if (found := _FILLED_MAP.search(text)) and (end := text.find("}", found.end())) >= 0:
        return {key: _untyped(value.strip()) for key, value in _PUT.findall(text[found.end() : end])}
    return {} if _NEW_MAP.search(text) else text


def _reader(elements: str | None) -> Callable[[str], Any]:
    return (lambda part: read_java(part, elements)) if elements else _untyped


def _untyped(text: str) -> Any:
    """A value by its spelling alone."""
    if text in ("true", "false"):
        return text == "true"
    if text.startswith('"') and text.endswith('"'):
        return text[1:-1]
    if found := _LONG.fullmatch(text):
        return int(found[1])
    if found := _FLOAT.fullmatch(text):
        return float(found[1])
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text

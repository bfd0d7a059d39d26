"""Whether calls are a problem's possible answer, as the Berkeley Function Calling Leaderboard judges it.

Our own writing of its rules (bfcl-eval 2026.3.23, ``eval_checker/ast_eval/ast_checker.py``), its oddities
included. Where its checker raises, ours says no: a value too deep or too large, a type that its tables lack.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gdpo.tasks.tool_calling import java_values, javascript_values

PYTHON_TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
}
"""Type of a Python function's parameter -> type of its value."""
_PYTHON_LISTS = ("array", "tuple")
_LEFT_OUT = ""
"""Among a parameter's possible values: it may be left out."""
_PUNCTUATION = re.compile(r"[ ,./\-_*^]")


class Call(NamedTuple):
    """A call of a function."""

    name: str
    arguments: Any
    """Name -> value; of a model's call anything that JSON can say."""


class Gold(NamedTuple):
    """What is right."""

    category: str
    functions: Sequence[Mapping[str, Any]]
    """Name and parameters of the functions that are to be called."""
    possible: Sequence[Mapping[str, Mapping[str, Sequence[Any]]]]
    """For each call: function -> parameter -> its possible values."""


def is_right(calls: Sequence[Call], gold: Gold) -> bool:
    """Whether calls are right: none for irrelevance, any for relevance, else those that are possible.

    Calls whose arguments are no mapping are none of the leaderboard's: with one among them there is no call.
    """
    readable = all(isinstance(call.arguments, dict) for call in calls)
    if "relevance" in gold.category:
        called = bool(calls) and readable
        return called != ("irrelevance" in gold.category)
    if not readable or len(calls) != len(gold.possible):
        return False
    left = list(calls)
    for possible in gold.possible:  # in turn, each the first call that fits; only parallel ones are several
        fitting = next((i for i, call in enumerate(left) if _fits_safely(call, possible, gold)), None)
        if fitting is None:
            return False
        del left[fitting]
    return True


def _fits_safely(call: Call, possible: Mapping[str, Any], gold: Gold) -> bool:
    try:
        return _fits(call, possible, gold)
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError, RecursionError):
        return False  # where the leaderboard's checker raises


def _fits(call: Call, possible: Mapping[str, Any], gold: Gold) -> bool:
    ((name, values),) = possible.items()
    function = next(function for function in gold.functions if function["name"] == name)
    parameters = function["parameters"]
    given = call.arguments
    if call.name != name or not set(parameters["required"]) <= set(given):
        return False
    return all(
        name in parameters["properties"]
        and name in values
        and _is_possible(value, parameters["properties"][name], values[name], gold.category)
        for name, value in given.items()
    ) and all(name in given or _LEFT_OUT in those for name, those in values.items())


class _Type(NamedTuple):
    """Python's types for a parameter's."""

    outer: type
    inner: type | None
    """Of a list's elements."""


def _is_possible(value: Any, parameter: Mapping[str, Any], possible: Sequence[Any], category: str) -> bool:
    """Whether a parameter's value is one of those that are possible."""
    kind = parameter["type"]
    if category in ("simple_java", "simple_javascript"):
        language = java_values if category == "simple_java" else javascript_values
        read = java_values.read_java if category == "simple_java" else javascript_values.read_javascript
        elements = parameter["items"]["type"] if kind in language.LISTS else None
        types = _Type(language.PYTHON_TYPES[kind], language.PYTHON_TYPES[elements] if elements else None)
        if type(value) is not str:
            return False
        value = read(value, kind, elements)
    else:
        elements = parameter["items"]["type"] if kind in _PYTHON_LISTS else None
        types = _Type(PYTHON_TYPES[kind], PYTHON_TYPES[elements] if elements else None)
        if kind == "float" and type(value) is int:
            value = float(value)
    return _has_type(value, possible, types) and _has_value(value, possible, types)


def _has_type(value: Any, possible: Sequence[Any], types: _Type) -> bool:
    """Whether a value has the parameter's type and its elements theirs, or the first possible value's type.

    The latter is how a variable passes: its name, a text, stands for a value of any type.
    """
    if type(value) is not types.outer:
        return type(value) is _first_type(possible)
    if types.inner is None:
        return True
    inner = _Type(types.inner, None)
    # The mark of a value that may be left out lets elements of any type pass.
    return any(
        type(answer) is not list or all(_has_type(item, answer, inner) for item in value)
        for answer in possible
    )


def _first_type(possible: Sequence[Any]) -> type | None:
    return next((type(answer) for answer in possible if answer != _LEFT_OUT), None)


def _has_value(value: Any, possible: Sequence[Any], types: _Type) -> bool:
    first = _first_type(possible)
    variable = type(value) is not types.outer or first not in (None, types.outer)
    if variable or types.outer not in (str, list, dict):
        return value in possible
    if types.outer is dict:
        return _is_mapping(value, possible)
    if types.outer is str:
        return _plain(value) in [_plain(answer) for answer in possible if type(answer) is str]
    if types.inner is dict:
        return any(
            len(value) == len(answer)
            and all(_is_mapping(item, [one]) for item, one in zip(value, answer, strict=True))
            for answer in possible
        )
    return list(map(_plain, value)) in [list(map(_plain, answer)) for answer in possible]


def _is_mapping(value: dict[str, Any], possible: Sequence[Any]) -> bool:
    """Whether a mapping is possible: each value is one of its key's, and only optional keys are left out."""
    return any(
        all(key in answer and _plain(one) in list(map(_plain, answer[key])) for key, one in value.items())
        and all(key in value or _LEFT_OUT in those for key, those in answer.items())
        for answer in possible
        if answer != _LEFT_OUT
    )


def _plain(value: Any) -> Any:
    """A text without spaces and ``,./-_*^``, in lower case, with double quotes; anything else as it is."""
    if type(value) is not str:
        return value
    return _PUNCTUATION.sub("", value).lower().replace("'", '"')

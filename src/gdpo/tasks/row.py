"""A dataset's row on its way to a problem: what a task is given, and what it makes of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

ROLES = ("system", "user", "assistant", "tool")
"""Who may say a message of a prompt."""
DEEPEST = 100
"""Levels of a nested value: real ones have ten, and what is judged must be read at any depth of the stack."""
TOO_DEEP = "nested too deep"


class RowError(ValueError):
    """A row that makes no problem; the message is the reason it is left out for."""


class Row(NamedTuple):
    """The columns of one row by their kind (``datasets.<name>.columns``); None: not there, or empty."""

    problem: Any
    answer: Any
    context: Any = None
    unit: Any = None
    tolerance: Any = None
    answer_type: Any = None
    options: Any = None
    tools: Any = None
    grader: str | None = None
    """Who judges responses, where the dataset names another than its task does."""


class Asked(NamedTuple):
    """A problem made of a row."""

    text: str
    """The question as it stands; of a dialogue, what the user said last. Benchmarks are compared with it."""
    answers: list[str]
    answer_type: str
    tolerance: float | None = None
    unit: str | None = None
    changes: Sequence[str] = ()
    """What was changed of the row, each in a few words."""
    messages: Sequence[Mapping[str, str]] | None = None
    """The whole prompt; None: the text and the problem set's suffix, from the user."""
    grader: str | None = None
    """Who judges it; None: the grader of the dataset, or of its task."""


def is_empty(value: Any) -> bool:
    """Whether a cell holds nothing; not-a-number is how tables write nothing."""
    if value is None or isinstance(value, str):
        return not (value or "").strip()
    differs = value != value  # noqa: PLR0124 - only not-a-number, and its like for times, differs from itself
    return getattr(differs, "shape", ()) == () and bool(differs)


def text_of(column: str, value: Any) -> str:
    """A text, without blanks around it; nothing of an empty cell.

    Raises:
        RowError: something else.
    """
    if is_empty(value):
        return ""
    if not isinstance(value, str):
        raise RowError(f"{column} is no text but of type {type(value).__name__}")
    return value.strip()


def nested_value(value: Any, without_null: bool = False) -> Any:
    """A list or object, which some files have as the text of its JSON; anything else as it is.

    Args:
        value: of a cell, or within one.
        without_null: whether it may come of a table's nested columns, which have every field in every row:
            there a field of null is none. In a text of JSON null is meant.

    Raises:
        RowError: nested deeper than :data:`DEEPEST`.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        try:
            return bounded(json.loads(value))
        except RecursionError as error:
            raise RowError(TOO_DEEP) from error
        except ValueError as error:
            if isinstance(error, RowError):
                raise
            return value
    return bounded(value, without_null)


def bounded(value: Any, without_null: bool = False, levels: int = DEEPEST) -> Any:
    """A copy of JSON's values, perhaps without fields of null.

    Raises:
        RowError: nested deeper than ``levels``.
    """
    if not levels:
        raise RowError(TOO_DEEP)
    if isinstance(value, Mapping):
        kept = ((k, v) for k, v in value.items() if not (without_null and v is None))
        return {key: bounded(inner, without_null, levels - 1) for key, inner in kept}
    if isinstance(value, list):
        return [bounded(inner, without_null, levels - 1) for inner in value]
    return value

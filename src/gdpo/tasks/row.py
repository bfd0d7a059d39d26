"""A dataset's row on its way to a problem: what a task is given, and what it makes of it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

ROLES = ("system", "user", "assistant", "tool")
"""Who may say a message of a prompt."""


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

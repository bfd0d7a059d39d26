"""A dataset's row on its way to a problem: what a task is given, and what it makes of it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


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


def text_of(column: str, value: Any) -> str:
    """A text or nothing; not-a-number is how tables write nothing.

    Raises:
        RowError: something else.
    """
    if value is None or value != value:  # noqa: PLR0124 - only not-a-number is unequal to itself
        return ""
    if not isinstance(value, str):
        raise RowError(f"{column} is no text but of type {type(value).__name__}")
    return value.strip()

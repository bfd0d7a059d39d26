"""A row of a mathematical dataset as a problem: a text, perhaps with choices, and a gold answer."""

import re
from collections.abc import Mapping
from typing import Any

from gdpo.plugins import task
from gdpo.tasks.math.golds import normalise_gold
from gdpo.tasks.math.graders import CHOICE
from gdpo.tasks.math.options import options_of
from gdpo.tasks.row import Asked, Row, RowError, text_of


@task(grader="math")
def math(row: Row) -> Asked:
    """A boxed answer: a number, an expression, a word, or the letter of a choice."""
    text, context = text_of("problem", row.problem), text_of("context", row.context)
    if not text:
        raise RowError("no problem text")
    if context:
        text = f"{context}\n\n{text}"
    answer = row.answer
    choices = not _nothing(row.options)
    if row.options is not None and not choices and re.fullmatch(r"\(?[A-Z]\)?", str(answer).strip()):
        raise RowError("no options, and the answer is a letter")
    if choices:
        options = options_of(row.options)
        text, answer = f"{text}\n\n{options.shown()}", options.right(answer)
    gold = normalise_gold(answer, row.unit, row.tolerance, row.answer_type)
    grader = CHOICE if choices else None
    return Asked(text, gold.answers, gold.answer_type, gold.tolerance, gold.unit, gold.changes, grader=grader)


def _nothing(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, tuple, Mapping)) and not value)

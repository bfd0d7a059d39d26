"""A row of a dataset of programming problems as a problem: a text or a dialogue, and its unit tests."""

import json
from collections.abc import Mapping
from typing import Any

import gdpo.tasks.code.graders  # noqa: F401 - registers its grader
from gdpo.plugins import task
from gdpo.tasks.code.formats import Found, unit_tests_in
from gdpo.tasks.code.python_source import last_function
from gdpo.tasks.problem import Gold
from gdpo.tasks.row import ROLES, Asked, Row, RowError, nested_value, text_of

GRADER = "unit_tests"
PRIMES_REQUEST = (
    "Write Python code to solve the problem. Present the code in \n```python\nYour code\n```\nat the end."
)
"""What PRIME's data end every programming problem with."""
SUFFIX = "Write Python code that solves it, and put it between ```python and ``` at the end."
_SHORT = 200
"""Characters of tests that a rehearsal's program answers."""


def _right(gold: Gold) -> tuple[str, str] | None:
    """A program that looks its answers up in the tests, as many as are short; None of a test program."""
    tests = json.loads(gold.answers[0])
    if "check" in tests:
        return None
    known = dict(_few(tests.get("stdin") or _by_arguments(tests["calls"])))
    if "stdin" in tests:
        program = f"import sys\nprint({known!r}.get(sys.stdin.read()))"
    else:
        program = f"def {tests['function']}(*given):\n    return {known!r}.get(repr([*given]))"
    return "", f"\n```python\n{program}\n```"


def _by_arguments(calls: list[list[Any]]) -> list[list[Any]]:
    return [[repr(given), returned] for given, returned in calls]


def _few(tests: list[list[Any]]) -> list[list[Any]]:
    sizes = [len(repr(test)) for test in tests]
    return [test for place, test in enumerate(tests) if sum(sizes[: place + 1]) <= _SHORT]


@task(
    name="code",
    grader=GRADER,
    right=_right,
    tokens=192,
    ignores=("options", "unit", "tolerance", "answer_type", "tools", "several_answers"),
    suffix=SUFFIX,
)
def code(row: Row) -> Asked:
    """A Python program or function that passes unit tests.

    The prompt is the row's messages as they are, or its text with the problem set's suffix; a text that is
    Python, as HumanEval's, is asked to be completed, and one that does not name the function gets it, of MBPP
    with the assertions. The ``context`` stands before. For another grader the gold is any text.
    """
    if row.grader not in (None, GRADER):
        if not (gold := text_of("answer", row.answer)):
            raise RowError("no answer")
        kind, golds, found = "text", [gold], None
    else:
        found = unit_tests_in(row.answer)
        kind, golds = found.kind, [json.dumps(found.gold)]
    changes = found.changes if found else []
    context = text_of("context", row.context)
    if (messages := _messages(row.problem)) is not None:
        said = [message["content"] for message in messages if message["role"] == "user"]
        if not said:
            raise RowError("a prompt without a message of the user")
        words = said[-1].removesuffix(PRIMES_REQUEST).strip()
        above = [{"role": "system", "content": context}] if context else []
        return Asked(words, golds, kind, changes=changes, messages=[*above, *messages])
    text = text_of("problem", row.problem)
    if not text:
        raise RowError("no problem text")
    question = text.removesuffix(PRIMES_REQUEST).strip()
    question = "\n\n".join(filter(None, [context, _asked(question), _named(question, found)]))
    if not text.endswith(PRIMES_REQUEST):
        return Asked(question, golds, kind, changes=changes)
    whole = f"{question}\n\n{PRIMES_REQUEST}"
    return Asked(question, golds, kind, changes=changes, messages=[{"role": "user", "content": whole}])


def _messages(problem: Any) -> list[dict[str, str]] | None:
    """A dialogue, perhaps as the text of its JSON; None of a text, which may begin with a bracket."""
    found = nested_value(problem)
    if not isinstance(found, list) or (isinstance(problem, str) and not all(map(_is_message, found))):
        return None
    if not all(map(_is_message, found)):
        raise RowError(f"a message without one of the roles {', '.join(ROLES)}")
    messages = [{"role": m["role"], "content": text_of("message", m.get("content"))} for m in found]
    if not all(message["content"] for message in messages):
        raise RowError("a message without content")
    return messages


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("role") in ROLES


def _asked(question: str) -> str:
    """A question that is the beginning of a function, as one to complete it; another as it is."""
    if last_function(question) is None:
        return question
    return f"Complete the last function, and give it whole, with what it needs:\n\n```python\n{question}\n```"


def _named(question: str, found: Found | None) -> str:
    """How the function is called, where a question does not say it."""
    function = found.gold.get("function") if found else None
    if function is None or function in question:
        return ""
    if found.shown:
        return "Your code should pass these tests:\n\n" + "\n".join(found.shown)
    return f"The function is called `{function}`."

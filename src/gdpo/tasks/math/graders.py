r"""The graders of boxed answers: of mathematics, and of problems with choices (a letter, or its text)."""

import re
from collections.abc import Sequence

from gdpo.plugins import grader
from gdpo.tasks.math.grader import grade_all
from gdpo.tasks.problem import Problem
from gdpo.tasks.verdict import Verdict

CHOICE = "choice"
"""The grader of problems with choices."""
_STYLE = re.compile(r"\\(?:text|textbf|mathrm|mathbf|textit)\s*\{([^{}]*)\}")
# A letter alone, or marked as one before other words: "A bird" is a text.
_LABEL = re.compile(
    r"\(?\s*(?P<label>[A-Za-z0-9]{1,2})\s*(?:[).:]*|(?:\)[.:,]?|[.:,]|-)\s+\S.*|\)\S.*)", re.S
)


@grader(batched=True, task="math")
def math(responses: Sequence[str], problems: Sequence[Problem]) -> list[Verdict]:
    """The last boxed answer after the reasoning, compared with the gold as mathematics."""
    return grade_all(responses, [problem.gold for problem in problems])


@grader(batched=True, task="math")
def choice(responses: Sequence[str], problems: Sequence[Problem]) -> list[Verdict]:
    """The boxed letter, alone (``(B)``) or before the option's text (``B. Venus``), or the text alone.

    The gold's first answer is the letter. Where letter and text of an answer disagree, the letter counts.
    """
    verdicts = grade_all(responses, [problem.gold for problem in problems])
    return [
        _by_label(verdict, problem.gold.answers[0])
        for verdict, problem in zip(verdicts, problems, strict=True)
    ]


def _by_label(verdict: Verdict, right: str) -> Verdict:
    if verdict.verdict == "correct" or verdict.extracted is None:
        return verdict
    found = _LABEL.fullmatch(_STYLE.sub(r"\1", verdict.extracted).replace("$", "").strip())
    same = found is not None and found["label"].upper() == right.upper()
    return Verdict("correct" if same else "wrong", verdict.extracted)

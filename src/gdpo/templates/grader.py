"""A grader of your own, for short answers in words: case, punctuation and articles do not count.

In the experiment, at the datasets whose answers it judges:

    plugins: [FILE]
    datasets:
      <name>: {grader: NAME}
"""

import re

from gdpo.plugins import grader
from gdpo.tasks import Problem, Verdict
from gdpo.tasks.math import extract_answer


@grader
def NAME(response: str, problem: Problem) -> Verdict:
    """Whether the last boxed answer after the reasoning is one of the gold answers, word by word.

    Source: SQuAD's exact match (arXiv 1606.05250). A plain True or False may be returned as well; the verdict
    also keeps the answer that was found, for maj@k and for reading.
    """
    answer = extract_answer(response)
    right = answer is not None and _plain(answer) in {_plain(gold) for gold in problem.gold.answers}
    return Verdict("correct" if right else "wrong", answer)


def _plain(text: str) -> str:
    """Words in lower case, without LaTeX's wrapping, punctuation and articles."""
    text = re.sub(r"\\text\w*\s*\{([^{}]*)\}", r"\1", text).lower()
    words = re.sub(r"[^\w\s]", " ", text).split()
    return " ".join(word for word in words if word not in ("a", "an", "the"))

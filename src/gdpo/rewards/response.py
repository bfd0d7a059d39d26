"""What a reward function sees of one response."""

from collections.abc import Sequence
from typing import NamedTuple

from gdpo.grading import Gold, Verdict, grade_all


class Response(NamedTuple):
    """One graded response."""

    text: str
    """The decoded response, special tokens removed; begins with the ``<think>`` that its prompt ended in."""
    n_tokens: int
    """Response length in tokens, the end-of-sequence token included (veRL's ``response_length``)."""
    verdict: Verdict
    """The judgement of its boxed answer."""

    @property
    def correct(self) -> bool:
        """Whether the verdict is ``correct``."""
        return self.verdict.verdict == "correct"


def grade_responses(texts: Sequence[str], n_tokens: Sequence[int], golds: Sequence[Gold]) -> list[Response]:
    """Grade responses and bundle what the reward functions need, in order."""
    return [Response(*each) for each in zip(texts, n_tokens, grade_all(texts, golds), strict=True)]

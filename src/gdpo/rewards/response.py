"""What a reward function sees of one response."""

from typing import NamedTuple

from gdpo.grading import Verdict, grade


class Response(NamedTuple):
    """One graded response."""

    text: str
    """The decoded response, special tokens removed."""
    n_tokens: int
    """Response length in tokens, the end-of-sequence token included (veRL's ``response_length``)."""
    verdict: Verdict
    """The judgement of its boxed answer."""

    @property
    def correct(self) -> bool:
        """Whether the verdict is ``correct``."""
        return self.verdict.verdict == "correct"


def grade_response(text: str, n_tokens: int, gold: str) -> Response:
    """Grade ``text`` against ``gold`` and bundle what the reward functions need."""
    return Response(text, n_tokens, grade(text, gold))

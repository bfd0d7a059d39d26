"""What a reward function sees of one response."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from gdpo.tasks import Problem, Verdict, judge_all

_NONE: Mapping[str, float] = MappingProxyType({})


class Response(NamedTuple):
    """One judged response to one problem."""

    text: str
    """The decoded response, special tokens removed; begins with the ``<think>`` that its prompt ended in."""
    n_tokens: int
    """Response length in tokens, the end-of-sequence token included (veRL's ``response_length``)."""
    verdict: Verdict
    """The judgement of it."""
    problem: Problem
    """What was asked: prompt, gold, and what the problem set says beside it."""
    token_ids: Sequence[int] = ()
    """Its tokens; empty where they are not known (another tool's outputs)."""
    rewards: Mapping[str, float | None] = _NONE
    """Other rewards of this response, those that the function ``reads``; None where one has no value."""

    @property
    def correct(self) -> bool:
        """Whether the verdict is ``correct``."""
        return self.verdict.verdict == "correct"

    def measured(self, name: str, grader: str) -> float:
        """What the grader measured of it beside the verdict.

        Args:
            name: of the measurement.
            grader: who takes it, for the error.

        Raises:
            ValueError: another grader judged it.
        """
        found = self.verdict.measured or {}
        if name not in found:
            raise ValueError(
                f"needs problems judged by the grader {grader}; problem {self.problem.id} is judged by "
                f"{self.problem.grader}"
            )
        return found[name]


def judged(
    texts: Sequence[str],
    n_tokens: Sequence[int],
    problems: Sequence[Problem],
    token_ids: Sequence[Sequence[int]] | None = None,
) -> list[Response]:
    """Judge responses and bundle what the reward functions need, in order.

    Raises:
        gdpo.tasks.JudgeError: a grader of a plug-in failed.
    """
    verdicts = judge_all(texts, problems)
    tokens = [()] * len(texts) if token_ids is None else token_ids
    return [Response(*each) for each in zip(texts, n_tokens, verdicts, problems, tokens, strict=True)]

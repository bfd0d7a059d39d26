"""The judgement of a response, whatever its task."""

from collections.abc import Mapping
from typing import Literal, NamedTuple


class JudgeError(RuntimeError):
    """No verdict: a grader of a plug-in failed, or ours cannot start; the message says which and why."""


class Verdict(NamedTuple):
    """What was found in a response, and the judgement of it."""

    verdict: Literal["correct", "wrong", "timeout", "error"]
    """``timeout`` and ``error``: the checker ran out of time, or failed. Neither counts as correct."""
    extracted: str | None
    """The answer found, as written; None where there is none."""
    well_formed: bool | None = None
    """Whether the response has the form that its task asks for; None: that of a boxed answer is asked for."""
    vote: str | None = None
    """What counts as one answer in maj@k; None: the answer found, normalised as mathematics."""
    measured: Mapping[str, float] | None = None
    """What the grader measured beside, by name, for rewards and metrics of its task."""

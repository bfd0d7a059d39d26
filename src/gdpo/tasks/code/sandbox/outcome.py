"""What is asked of a sandbox, and what it says."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol


class Limits(NamedTuple):
    """Of one run of a program."""

    seconds: float = 4.0
    """CPU time."""
    megabytes: int = 512
    """Memory (address space)."""
    output: int = 1 << 20
    """Most bytes of output, and of a file."""
    idle: float = 3.0
    """Seconds for which it may compute next to nothing: one that waits for what never comes."""
    give_up: int = 2
    """After so many runs of a program that took too long, its others are not begun."""


class Job(NamedTuple):
    """A program and its runs."""

    program: str
    """Python."""
    runs: Sequence[Mapping[str, Any]]
    """A run each: ``stdin`` (text) with perhaps ``argv`` and ``files`` (name -> text), or ``call`` (arguments
    encoded by :mod:`gdpo.tasks.code.sandbox.inside.values`); with a ``check``, nothing."""
    limits: Limits = Limits()
    function: str | None = None
    """Function that is called or tested, perhaps a method of a class ``Solution``."""
    setup: str = ""
    """Python that both program and ``check`` may use, before a function is defined."""
    check: str | None = None
    """A test program: asserts about the function, or a function ``check`` of it."""

    def as_json(self) -> dict[str, Any]:
        """For the server, without the check's text, which goes its own way."""
        found = {**self._asdict(), **self.limits._asdict(), "runs": list(self.runs)}
        return {key: value for key, value in found.items() if key not in ("limits", "check")}


class Run(NamedTuple):
    """What became of one run."""

    status: Literal["ok", "failed", "error", "time", "skipped"]
    """``failed``: an assertion of the check; ``error``: an exception, a signal, memory, output; ``skipped``:
    not begun, as others took too long."""
    output: str
    """Standard output; of a call, the line that :func:`inside.values.read` reads; empty if it ended badly."""
    error: str
    """The end of what it wrote to standard error."""
    seconds: float
    """CPU time."""


class Sandbox(Protocol):
    """Runs programs that nobody trusts; safe to call from several threads."""

    at_once: int
    """Jobs that it runs at the same time."""

    def run(self, job: Job) -> list[Run]:
        """What became of each run of a job, in order.

        Raises:
            gdpo.tasks.JudgeError: the sandbox does not work; nothing is known of the program.
        """
        ...

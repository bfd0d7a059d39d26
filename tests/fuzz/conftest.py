"""The budget of the fuzzing: fixed, the same examples in every run; GDPO_FUZZ_EXAMPLES multiplies it."""

import contextlib
import os
import signal
from collections.abc import Iterator

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("GDPO_FUZZ_EXAMPLES", "1"))
SECONDS = 10
"""Most that one example may take; the slowest take a tenth of a second on an idle machine."""


def budget(examples: int) -> settings:
    """Settings of a fuzz test that tries so many examples in the default run."""
    return settings(
        max_examples=examples * FACTOR,
        derandomize=True,
        database=None,
        deadline=None,  # measured after an example has ended: `in_time` ends one that hangs
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


class Hang(BaseException):
    """Not an Exception, so that nothing takes it for an error of the code's own."""


@contextlib.contextmanager
def in_time(seconds: float = SECONDS) -> Iterator[None]:
    """Raise :class:`Hang` where the block takes longer; regular expressions look for signals as well."""

    def ring(*_) -> None:
        raise Hang(f"took more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

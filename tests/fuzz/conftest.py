"""The budget of the fuzzing: fixed, the same examples in every run; GDPO_FUZZ_EXAMPLES multiplies it."""

import contextlib
import os
import signal
from collections.abc import Iterator

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("GDPO_FUZZ_EXAMPLES", "1"))
SECONDS = 10
"""Most computing time of one example; the slowest take a tenth of a second."""
PATIENCE = 10
"""How much longer it may take by the clock: the machine may be busy, or a worker may be waited for."""


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
    """Raise :class:`Hang` where the block computes longer; regular expressions look for signals as well."""

    def ring(signum: int, _: object) -> None:
        raise Hang(f"took more than {seconds} seconds ({signal.Signals(signum).name})")

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, seconds)}
    timers[signal.SIGALRM] = (signal.ITIMER_REAL, PATIENCE * seconds)
    before = {signum: signal.signal(signum, ring) for signum in timers}
    for timer, most in timers.values():
        signal.setitimer(timer, most)
    try:
        yield
    finally:
        for timer, _ in timers.values():
            signal.setitimer(timer, 0)
        for signum, handler in before.items():
            signal.signal(signum, handler)

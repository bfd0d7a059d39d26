"""The end that a cluster sets to a job, as the trainer sees it: stop in time, with a checkpoint."""

import os
import time
from collections.abc import Callable

UNTIL = "GDPO_UNTIL"
"""Unix time by which the trainer must have ended; not set: none."""
OUT_OF_TIME = 75
"""Exit code of a trainer that stopped in time for it (EX_TEMPFAIL: run it again)."""


class Deadline:
    """Tells after each step whether another one can be expected to end in time."""

    def __init__(self, clock: Callable[[], float] = time.time):
        value = os.environ.get(UNTIL)
        self._until, self._clock = float(value) if value else None, clock
        self._longest, self._last = 0.0, clock()

    def start(self) -> None:
        """The first step begins."""
        self._last = self._clock()

    def too_late_for_another(self) -> bool:
        """Called once at the end of each step, with its metrics and checkpoint written.

        The next step may last as long as the longest so far, which had a validation or a checkpoint.
        """
        now = self._clock()
        self._longest, self._last = max(self._longest, now - self._last), now
        return self._until is not None and now + self._longest > self._until

"""A time limit for code that may hang: an error where Python can be interrupted, else the process's end."""

import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

_STDERR = 2  # the descriptor: sys.stderr may be replaced by something that has none
_AGAIN = 0.1  # seconds until an interruption that the code swallowed comes again


class TimeUp(BaseException):
    """The limit has passed. No ``Exception``: ``except Exception`` in the limited code must not catch it."""


class TimeLimit:
    """Limits calls, one at a time, and leaves nothing behind that runs.

    In the main thread a signal interrupts the call, regular expressions and ``time.sleep`` as well: the stack
    goes to standard error and :class:`TimeUp` is raised. No other thread can be interrupted; there
    ``last_words`` and the stacks of all threads go to standard error and the process ends with code 1. So it
    does wherever a call that holds the interpreter (C code) is not back after twice the limit.

    Args:
        seconds: wall-clock limit of one call.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._last_resort = 0.0  # when it was set

    @contextlib.contextmanager
    def calls(self) -> Iterator[None]:
        """Around all calls of a batch; one thread at a time, as a process has one last resort."""
        with _ONE_THREAD:
            self._last_resort = -float("inf")
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()

    @contextlib.contextmanager
    def call(self, last_words: Callable[[], str]) -> Iterator[None]:
        """Around one call.

        Args:
            last_words: makes the sentence that a process ends with.

        Raises:
            TimeUp: the call took too long.
        """
        # Setting it starts a thread, which is too much for each of thousands of calls.
        if (now := time.monotonic()) - self._last_resort > self.seconds:
            faulthandler.dump_traceback_later(3 * self.seconds, exit=True, file=_STDERR)
            self._last_resort = now
        in_main_thread = threading.current_thread() is threading.main_thread()
        with self._alarm() if in_main_thread else self._end(last_words):
            yield

    @contextlib.contextmanager
    def _alarm(self) -> Iterator[None]:
        def interrupt(signum, frame):
            nonlocal told
            if not told:
                told = True
                faulthandler.dump_traceback(file=_STDERR, all_threads=False)
            raise TimeUp

        told = False
        previous = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, self.seconds, _AGAIN)
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)  # an alarm may have kept the line above from its work
            signal.signal(signal.SIGALRM, previous)

    @contextlib.contextmanager
    def _end(self, last_words: Callable[[], str]) -> Iterator[None]:
        def end():
            print(last_words(), file=sys.stderr, flush=True)
            faulthandler.dump_traceback(file=_STDERR)
            os._exit(1)

        timer = threading.Timer(self.seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


_ONE_THREAD = threading.RLock()

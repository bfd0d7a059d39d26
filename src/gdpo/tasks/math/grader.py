"""Grading with a time and a memory limit for each case, in warm worker processes that can be killed."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from multiprocessing import Pipe
from queue import LifoQueue
from typing import NamedTuple

from gdpo.tasks.math.answers import after_reasoning, extract_answer, has_box
from gdpo.tasks.math.without_parser import verdict_without_parser
from gdpo.tasks.math.worker import READY
from gdpo.tasks.problem import Gold
from gdpo.tasks.verdict import JudgeError, Verdict

SECONDS = 5.0
"""Wall-clock limit of one case."""
MEMORY_MB = 1024
"""Address space of one worker, the parser's own 70 MB included."""
MOST_WORKERS = 8
_START_SECONDS = 120.0


class GraderError(JudgeError):
    """A worker process cannot be started."""


class _Case(NamedTuple):
    answer: str | None
    """The boxed answer; None: to be looked for in the response."""
    response: str
    """What follows the reasoning where there is no boxed answer, else empty."""
    gold: Gold


class Grader:
    """Judges responses; from any thread, several at once.

    Answers whose spelling, numbers or structure decide are judged at once; the others by math-verify in
    worker processes, which start when they are first needed and stay. A case that takes too long is a
    ``timeout`` and its worker is killed; one that fails, takes too much memory or kills its worker is an
    ``error``.

    Args:
        workers: most worker processes; by default one a CPU that this process may use, at most eight.
        seconds: wall-clock limit of one case.
        memory_mb: address space of one worker in MiB.
    """

    def __init__(self, workers: int | None = None, seconds: float = SECONDS, memory_mb: int = MEMORY_MB):
        count = workers or min(MOST_WORKERS, len(os.sched_getaffinity(0)))
        self._seconds = seconds
        # Last in, first out: a quiet caller keeps to one warm worker.
        self._idle: LifoQueue[_Worker] = LifoQueue()
        self._workers = [_Worker(seconds, memory_mb) for _ in range(count)]
        for worker in self._workers:
            self._idle.put(worker)

    def grade(self, response: str, gold: Gold, unboxed: bool = False) -> Verdict:
        """Judge one response; see :meth:`grade_all`."""
        return self.grade_all([response], [gold], unboxed)[0]

    def grade_all(
        self, responses: Sequence[str], golds: Sequence[Gold], unboxed: bool = False
    ) -> list[Verdict]:
        r"""Judge the last boxed answer after the reasoning of each response, in order.

        Args:
            responses: decoded responses.
            golds: what is right, one a response.
            unboxed: judge a response in which no ``\boxed{`` is opened by its last mathematical expression;
                otherwise it is wrong.

        Raises:
            ValueError: not as many golds as responses.
            GraderError: a worker cannot be started.
        """
        verdicts: dict[int, Verdict] = {}
        cases: dict[_Case, list[int]] = {}
        for index, (response, gold) in enumerate(zip(responses, golds, strict=True)):
            if unboxed and not has_box(response):
                cases.setdefault(_Case(None, after_reasoning(response), gold), []).append(index)
            elif verdict := verdict_without_parser(response, gold):
                verdicts[index] = verdict
            else:  # a group often gives one answer many times
                cases.setdefault(_Case(extract_answer(response), "", gold), []).append(index)
        for indices, verdict in zip(cases.values(), self._judge_all(list(cases)), strict=True):
            verdicts |= dict.fromkeys(indices, verdict)
        return [verdicts[index] for index in range(len(responses))]

    def close(self) -> None:
        """End the workers; they also end with this process."""
        for worker in self._workers:
            worker.stop()

    def _judge_all(self, cases: list[_Case]) -> list[Verdict]:
        if len(cases) <= 1:
            return [self._judge(case) for case in cases]
        with ThreadPoolExecutor(min(len(self._workers), len(cases))) as threads:
            return list(threads.map(self._judge, cases))

    def _judge(self, case: _Case) -> Verdict:
        worker = self._idle.get()
        try:
            return worker.judge(case)
        finally:
            self._idle.put(worker)


class _Worker:
    """One worker process, started when first needed and again after it was killed."""

    def __init__(self, seconds: float, memory_mb: int):
        self._seconds, self._memory_mb = seconds, memory_mb
        self._process: subprocess.Popen | None = None

    def judge(self, case: _Case) -> Verdict:
        if self._process is None or self._process.poll() is not None:
            self._start()
        try:
            self._connection.send(case)
            in_time = self._connection.poll(self._seconds)
            verdict, spent = self._connection.recv() if in_time else (Verdict("timeout", case.answer), True)
        except (EOFError, OSError):  # the case killed the process
            verdict, spent = Verdict("error", case.answer), True
        if spent:
            self.stop()
        return verdict

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._connection.close()
            self._process = None

    def _start(self) -> None:
        ours, theirs = Pipe()
        limits = [str(self._memory_mb), str(self._seconds)]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gdpo.tasks.math.worker", str(theirs.fileno()), *limits],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._connection = ours
        if not ours.poll(_START_SECONDS) or self._first_message() != READY:
            code = self._process.poll()
            self.stop()
            raise GraderError(
                f"a grading worker does not start (exit code {code}); is math-verify installed, and "
                f"are {self._memory_mb} MB enough? Try: python -c 'import gdpo.tasks.math.parser'"
            )

    def _first_message(self) -> str | None:
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            return None


@cache
def shared_grader() -> Grader:
    """One grader for the whole process, with the default limits."""
    return Grader()


# A fork shares its parent's connections; it must not speak through them.
os.register_at_fork(after_in_child=shared_grader.cache_clear)


def grade(response: str, gold: Gold | str) -> Verdict:
    """Judge one response with the process's shared grader; a string is one right answer."""
    return shared_grader().grade(response, Gold((gold,)) if isinstance(gold, str) else gold)


def grade_all(responses: Sequence[str], golds: Sequence[Gold]) -> list[Verdict]:
    """Judge responses with the process's shared grader, in order."""
    return shared_grader().grade_all(responses, golds)

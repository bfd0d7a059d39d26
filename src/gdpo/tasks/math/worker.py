"""A grading worker: ``python -m gdpo.tasks.math.worker FD MEMORY_MB SECONDS``; cases in, verdicts out.

A process of its own, so that it can be killed and its memory is bounded; started as a module and not forked,
so that it inherits no threads of veRL and Ray and does not import the caller's main module.
"""

import contextlib
import math
import resource
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from gdpo.tasks.math.compare import is_right
from gdpo.tasks.problem import Gold
from gdpo.tasks.verdict import Verdict

READY = "ready"
_TAIL = 2_000  # characters of an unboxed response that are searched for its last expression


def judge(answer: str | None, response: str, gold: Gold) -> Verdict:
    """The verdict on ``answer``; where there is none, on the last expression of ``response``."""
    from gdpo.tasks.math import parser

    right = False
    if answer is None:
        tail = response[-_TAIL:]
        ends = [parser.equals_last_expression(wanted, tail) for wanted in gold.answers]
        answer = ends[0][1]
        right = gold.several == "any" and any(equal for equal, _ in ends)
    if answer is not None and not right:
        right = bool(is_right(answer, gold, parser.equal))
    return Verdict("correct" if right else "wrong", answer)


def main(fd: int, memory_mb: int, seconds: float) -> None:
    """Answer until the other end is closed."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import gdpo.tasks.math.parser  # noqa: F401 - a second, before the first case

    connection = Connection(fd)
    connection.send(READY)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            case = connection.recv()
            _limit_cpu(seconds)
            verdict = _verdict(*case)
            full = _memory_is_full(memory_mb)
            # math-verify takes its own want of memory for inequality.
            if full and verdict.verdict == "wrong":
                verdict = Verdict("error", case[0])
            connection.send((verdict, full))  # the verdict, and whether the worker must be replaced


def _verdict(answer: str | None, response: str, gold: Gold) -> Verdict:
    try:
        return judge(answer, response, gold)
    except Exception:  # the parser raises many kinds on malformed LaTeX
        return Verdict("error", answer)


def _memory_is_full(memory_mb: int) -> bool:
    """Whether the address space has been within a tenth of its limit."""
    peak = Path("/proc/self/status").read_text().partition("VmPeak:")[2].split()[0]
    return int(peak) > 0.9 * (memory_mb << 10)


def _limit_cpu(seconds: float) -> None:
    """Die by the system's hand soon after the time limit: nobody else can where the caller is gone."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soon = math.ceil(usage.ru_utime + usage.ru_stime + 2 * seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soon, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))

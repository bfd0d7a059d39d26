"""Programs a second in the sandbox, against a plain `subprocess.run` of each test.

    make bench-sandbox

All programs differ, so none is known already. Alternately, medians; a chart shows how time grows.
"""

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from growth import draw_growth
from rich.console import Console

from gdpo.tasks.code.sandbox.choice import sandbox
from gdpo.tasks.code.unit_tests import UnitTests

CHART = Path(__file__).with_name("sandbox.png")
PROGRAMS, ROUNDS = 64, 5
PARTS = (8, 4, 2, 1)
"""Of the programs, for the chart."""
CALLER = "\nimport json, sys\nprint(json.dumps(f(*json.loads(sys.stdin.read()))))\n"
console = Console(width=150)


class Case(NamedTuple):
    """A program, its tests, and what a plain process is given for each."""

    program: str
    tests: UnitTests
    plain: str
    inputs: list[str]
    outputs: list[str]


def script(rng: random.Random, number: int) -> Case:
    """Reads numbers, prints a sum: five tests."""
    program = (
        "import sys\nfrom collections import Counter\n"
        "def main():\n    n, *xs = map(int, sys.stdin.read().split())\n"
        f"    counts = Counter(xs)\n    print(sum(xs[:n]) + {number}, max(counts.values()))\n"
        "main()\n"
    )
    tests = []
    for _ in range(5):
        xs = [rng.randrange(5) for _ in range(rng.randint(1, 9))]
        tests.append(
            (f"{len(xs)}\n{' '.join(map(str, xs))}\n", f"{sum(xs) + number} {max(map(xs.count, xs))}\n")
        )
    inputs, outputs = map(list, zip(*tests, strict=True))
    return Case(program, UnitTests(stdin=tests), program, inputs, outputs)


def function(rng: random.Random, number: int) -> Case:
    """A function of a list: ten tests."""
    program = f"def f(xs, k):\n    return [x * {number} for x in sorted(xs) if x > k]\n"
    calls = []
    for _ in range(10):
        xs, k = [rng.randrange(100) for _ in range(8)], rng.randrange(100)
        calls.append([[xs, k], [x * number for x in sorted(xs) if x > k]])
    inputs, outputs = [repr(given) for given, _ in calls], [f"{value}\n" for _, value in calls]
    return Case(program, UnitTests(function="f", calls=calls), program + CALLER, inputs, outputs)


def ours(cases: list[Case]) -> None:
    """All programs, as the grader has them run."""
    made = sandbox()
    with ThreadPoolExecutor(made.at_once) as pool:
        found = pool.map(lambda case: all(case.tests.passed(made.run(case.tests.job(case.program)))), cases)
        assert all(found)


def plain(cases: list[Case]) -> None:
    """What users write: a process for each test, one after another, unconfined."""
    for case in cases:
        for given, wanted in zip(case.inputs, case.outputs, strict=True):
            done = subprocess.run(
                [sys.executable, "-c", case.plain], input=given, capture_output=True, text=True, timeout=4
            )
            assert done.stdout == wanted, done


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(cases: list[Case]) -> tuple[float, float]:
    """Median seconds of ours and of plain processes, alternately."""
    mine, theirs = [], []
    for _ in range(ROUNDS):
        mine.append(seconds(lambda: ours(cases)))
        theirs.append(seconds(lambda: plain(cases)))
    return statistics.median(mine), statistics.median(theirs)


def main() -> None:
    """Both kinds of program."""
    console.print(f"sandbox: {sandbox().kind}, {sandbox().at_once} at once")
    panels = {}
    for name, make in (("script", script), ("function", function)):
        rng = random.Random(0)
        cases = [make(rng, number) for number in range(PROGRAMS)]
        sizes = [PROGRAMS // part for part in PARTS]
        found = [medians(cases[:size]) for size in sizes]
        series = dict(zip(("ours", "subprocess.run"), zip(*found, strict=True), strict=True))
        tests = len(cases[0].inputs)
        panels[f"programs ({name}, {tests} tests)"] = sizes, series
        mine, peer = found[-1]
        rates = f"ours {PROGRAMS / mine:,.0f} programs/s, subprocess.run {PROGRAMS / peer:,.1f}"
        console.print(f"{name}: {PROGRAMS} programs of {tests} tests, {rates}")
        print(f"RESULT sandbox_{name} {peer / mine:.1f}x vs subprocess_run target 10x")
    draw_growth(panels, "seconds", CHART)


if __name__ == "__main__":
    main()

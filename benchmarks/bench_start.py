"""Seconds from a training's start to the end of its first step, here and with TRL's GRPOTrainer.

Run ``make bench-start`` or ``python benchmarks/bench_start.py [--repeats 5] [--threads 2]``. Both train the
same small model as in `bench_step.py`, alternately, each in new processes; medians. Then the same with larger
models, and with two trainings that start at once, as the laptop's DAG starts them.
"""

import argparse
import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from growth import draw_growth
from trainings import Timing, Work, parameters, train_here, train_with_trl

CHART = Path(__file__).with_name("start.png")
STEPS = 2
TARGET = 20
WIDTHS = (64, 128, 256, 512)
Train = Callable[[Work, int, int], Timing]


def start(train: Train, work: Work, threads: int, at_once: int = 1) -> float:
    """Seconds until the first step's end of the last of several trainings that start at once."""
    with ThreadPoolExecutor(at_once) as pool:
        timings = list(pool.map(lambda _: train(work, STEPS, threads), range(at_once)))
    return max(timing.start for timing in timings)


def medians(work: Work, threads: int, repeats: int, at_once: int = 1) -> list[float]:
    """Median start of ours and of TRL's, alternately."""
    found = [[start(train, work, threads, at_once) for train in BOTH] for _ in range(repeats)]
    return [statistics.median(times) for times in zip(*found, strict=True)]


BOTH: tuple[Train, ...] = (train_here, train_with_trl)


def main() -> None:
    """Compare, then draw the growth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of each trainer")
    arguments = parser.parse_args()
    ours, peer = medians(Work(), arguments.threads, arguments.repeats)
    print(f"one training: ours {ours:.1f} s, TRL {peer:.1f} s")
    two = medians(Work(), 1, arguments.repeats, at_once=2)
    print(f"two at once, one thread each, until both have: ours {two[0]:.1f} s, TRL {two[1]:.1f} s")
    grown = [medians(Work(width=width), arguments.threads, 1) for width in WIDTHS]
    sizes = [parameters(Work(width=width)) for width in WIDTHS]
    series = dict(zip(("ours", "TRL"), zip(*grown, strict=True), strict=True))
    draw_growth({"parameters": (sizes, series)}, "seconds to the first step's end", CHART)
    print(f"RESULT start {ours / peer:.2f}x vs trl_grpo target none")
    print(f"RESULT start_seconds {ours:.1f} s target {TARGET} s at most")


if __name__ == "__main__":
    main()

"""Peak memory of a training's whole process tree, here and with TRL's GRPOTrainer, as work grows.

Run ``make bench-memory`` or ``python benchmarks/bench_memory.py [--repeats 5] [--threads 2]``. Proportional
set sizes, so that shared pages count once, twice a second; the trainings are those of `bench_step.py`, a few
steps each: alternately and medians for that benchmark's own work, one of each for what grows from there.
"""

import argparse
import statistics
from pathlib import Path

from growth import draw_growth
from process_memory import PeakMemory
from trainings import Work, train_here, train_with_trl

CHART = Path(__file__).with_name("memory.png")
STEPS = 3
GROWTH: dict[str, list[tuple[int, Work]]] = {
    "responses a step": [(8 * n, Work(prompts=n)) for n in (8, 16, 32, 64)],
    "most tokens a response": [(n, Work(length=n)) for n in (64, 128, 256)],
}


def peaks(work: Work, threads: int) -> list[float]:
    """MB of ours and of TRL's."""
    found = []
    for train in (train_here, train_with_trl):
        with PeakMemory() as memory:
            train(work, STEPS, threads)
        found.append(memory.peak_mb)
        size = f"{memory.peak_mb:,.0f} MB in {memory.processes} processes"
        print(f"{work}: {train.__name__} {size}", flush=True)
    return found


def trainings(threads: int, repeats: int) -> None:
    """Both trainers as work grows; writes the chart."""
    found = [peaks(Work(), threads) for _ in range(repeats)]
    own = [statistics.median(sizes) for sizes in zip(*found, strict=True)]
    panels = {}
    for label, points in GROWTH.items():
        grown = [own if work == Work() else peaks(work, threads) for _, work in points]
        series = dict(zip(("ours", "TRL"), zip(*grown, strict=True), strict=True))
        panels[label] = [size for size, _ in points], series
    draw_growth(panels, "MB at the peak", CHART)
    print(f"{Work()}: {own[0]:,.0f} and {own[1]:,.0f} MB, medians of {repeats}")
    print(f"RESULT memory_training {own[0] / own[1]:.2f}x vs trl_grpo target none")


def main() -> None:
    """Measure both trainers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of each trainer")
    arguments = parser.parse_args()
    trainings(arguments.threads, arguments.repeats)


if __name__ == "__main__":
    main()

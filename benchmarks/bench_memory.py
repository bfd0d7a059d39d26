"""Peak memory of a training's whole process tree, here and with TRL's GRPOTrainer, as work grows.

Run ``make bench-memory`` or ``python benchmarks/bench_memory.py [--threads 2]``. Proportional set sizes, so
that shared pages count once, twice a second; the trainings are those of `bench_step.py`, a few steps each.
"""

import argparse
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


def trainings(threads: int) -> None:
    """Both trainers as work grows; writes the chart."""
    panels = {}
    for label, points in GROWTH.items():
        found = [peaks(work, threads) for _, work in points]
        series = dict(zip(("ours", "TRL"), zip(*found, strict=True), strict=True))
        panels[label] = [size for size, _ in points], series
    draw_growth(panels, "MB at the peak", CHART)
    ours, peer = (costs[1] for costs in panels["responses a step"][1].values())
    print(f"RESULT memory_training {ours / peer:.2f}x vs trl_grpo target none")


def main() -> None:
    """Measure both trainers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2, help="of each trainer")
    trainings(parser.parse_args().threads)


if __name__ == "__main__":
    main()

"""Seconds of a training step here and with TRL's GRPOTrainer.

Run ``make bench-step`` or ``python benchmarks/bench_step.py [--repeats 5] [--threads 2]``. Both train by GDPO
(TRL: ``multi_objective_aggregation="normalize_then_sum"``) on the same random model and problems, 16 prompts
with 8 responses each; see `trainings.py`. They alternate, each time in new processes; a training's figure is
the median of its steps after the first, and shown are medians of trainings. Both get the same threads, and
OMP_WAIT_POLICY as each is used: passive here, where `gdpo train` sets it; in TRL the default, which is faster
on a quiet machine. Of ours, the update is also shown as a share of the machine's rate: 6 FLOPs a parameter
and token of prompts and responses (Kaplan et al., arXiv 2001.08361), against one large matrix product.
"""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

from growth import draw_growth
from matmul_rate import measured_rate
from rich.console import Console
from rich.table import Table
from trainings import Timing, Work, parameters, train_here, train_with_trl

CHART = Path(__file__).with_name("step.png")
STEPS = 8
LENGTHS = (64, 256)
TARGET = 0.7
GROWTH: dict[str, list[tuple[int | None, Work]]] = {
    "responses a step": [(8 * n, Work(prompts=n)) for n in (8, 16, 32)],
    "most tokens a response": [(n, Work(length=n)) for n in (64, 128, 256)],
    "parameters": [(None, Work(width=n)) for n in (64, 128, 256)],
}
BOTH: tuple[Callable[[Work, int, int], Timing], ...] = (train_here, train_with_trl)


def median_step(timing: Timing) -> float:
    """Seconds of a training's later steps."""
    return statistics.median(timing.steps)


def compare(repeats: int, threads: int) -> tuple[list[str], dict[Work, list[float]]]:
    """Train alternately with both; print the table.

    Returns:
        The results' lines, and seconds a step of ours and of TRL at each work.
    """
    table = Table(title=f"16 prompts x 8 responses, {threads} threads, medians of {repeats} trainings")
    for column in ("up to, tokens", "trainer", "mean length", "s a step"):
        table.add_column(column, justify="left" if column == "trainer" else "right")
    lines, measured, rate = [], {}, measured_rate(threads)
    for length in LENGTHS:
        found: list[list[Timing]] = [[], []]
        for _ in range(repeats):
            for timings, train in zip(found, BOTH, strict=True):
                timings.append(train(Work(length=length), STEPS, threads))
        measured[Work(length=length)] = steps = [
            statistics.median(map(median_step, timings)) for timings in found
        ]
        for name, timings, step in zip(("ours", "TRL"), found, steps, strict=True):
            mean = statistics.mean(t.length for t in timings)
            table.add_row(str(length), name, f"{mean:.0f}", f"{step:.2f}")
        shares = [6 * parameters(Work()) * timing.updated / rate for timing in found[0]]
        share = statistics.median(shares)
        print(f"up to {length}: our update runs at {share:.0%} of {rate / 1e9:.0f} GFLOP/s")
        lines.append(f"RESULT step_{length} {steps[0] / steps[1]:.2f}x vs trl_grpo target {TARGET}x at most")
    Console(width=120).print(table)
    return lines, measured


def growth(threads: int, measured: dict[Work, list[float]]) -> None:
    """Seconds a step as work grows, those that are measured and one training each of the others; a chart."""
    panels = {}
    for label, points in GROWTH.items():
        sizes = [parameters(work) if size is None else size for size, work in points]
        seconds = [
            measured.get(work) or [median_step(train(work, STEPS, threads)) for train in BOTH]
            for _, work in points
        ]
        panels[label] = sizes, dict(zip(("ours", "TRL"), zip(*seconds, strict=True), strict=True))
    draw_growth(panels, "seconds a step", CHART)


def main() -> None:
    """Compare, then draw the growth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of each trainer")
    parser.add_argument("--no-growth", action="store_true", help="leave the chart as it is")
    arguments = parser.parse_args()
    lines, measured = compare(arguments.repeats, arguments.threads)
    if not arguments.no_growth:
        growth(arguments.threads, measured)
    print("\n".join(lines))


if __name__ == "__main__":
    main()

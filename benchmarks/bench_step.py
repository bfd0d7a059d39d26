"""Seconds of a training step, and from start to the first step's end, here and with TRL's GRPOTrainer.

Run ``make bench-step`` or ``python benchmarks/bench_step.py [--repeats 5] [--threads 2]``. Both train by GDPO
(TRL: ``multi_objective_aggregation="normalize_then_sum"``) on the same random model and problems, 16 prompts
with 8 responses each; see `trainings.py`. They alternate, each time in new processes; a training's figure is
the median of its steps after the first, and shown are medians of trainings. Both get the same threads, and
OMP_WAIT_POLICY as each is used: passive here, where `gdpo train` sets it; in TRL the default, which is faster
on a quiet machine.
"""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from rich.console import Console
from rich.table import Table
from trainings import Timing, Work, parameters, train_here, train_with_trl

from gdpo.reporting.style import WIDTH, method_style, use_style

CHART = Path(__file__).with_name("step.png")
STEPS = 8
LENGTHS = (64, 256)
STEP_TARGET, START_TARGET = 0.7, 20
GROWTH: dict[str, list[tuple[int | None, Work]]] = {
    "responses a step": [(8 * n, Work(prompts=n)) for n in (8, 16, 32)],
    "most tokens a response": [(n, Work(length=n)) for n in (64, 128, 256)],
    "parameters": [(None, Work(width=n)) for n in (64, 128, 256)],
}
BOTH: tuple[Callable[[Work, int, int], Timing], ...] = (train_here, train_with_trl)


def median_step(timing: Timing) -> float:
    """Seconds of a training's later steps."""
    return statistics.median(timing.steps)


def compare(repeats: int, threads: int) -> list[str]:
    """Train alternately with both; print the table and return the results' lines."""
    table = Table(title=f"16 prompts x 8 responses, {threads} threads, medians of {repeats} trainings")
    for column in ("up to, tokens", "trainer", "mean length", "s a step", "first step ends after, s"):
        table.add_column(column, justify="left" if column == "trainer" else "right")
    lines, starts = [], []
    for length in LENGTHS:
        found: list[list[Timing]] = [[], []]
        for _ in range(repeats):
            for timings, train in zip(found, BOTH, strict=True):
                timings.append(train(Work(length=length), STEPS, threads))
        steps = [statistics.median(map(median_step, timings)) for timings in found]
        for name, timings, step in zip(("ours", "TRL"), found, steps, strict=True):
            start = statistics.median(t.start for t in timings)
            mean = statistics.mean(t.length for t in timings)
            table.add_row(str(length), name, f"{mean:.0f}", f"{step:.2f}", f"{start:.1f}")
        starts.append([statistics.median(t.start for t in timings) for timings in found])
        lines.append(
            f"RESULT step_{length} {steps[0] / steps[1]:.2f}x vs trl_grpo target {STEP_TARGET}x at most"
        )
    ours, theirs = starts[0]
    lines.append(f"RESULT start {ours / theirs:.2f}x vs trl_grpo target none")
    lines.append(f"RESULT start_seconds {ours:.1f} s target {START_TARGET} s at most")
    Console(width=120).print(table)
    return lines


def growth(threads: int) -> None:
    """Seconds a step as work grows, with the exponent of the fitted power; writes the chart."""
    use_style()
    figure, axes = plt.subplots(1, len(GROWTH), figsize=(WIDTH, 2.4), sharey=True, layout="constrained")
    for axis, (label, points) in zip(axes, GROWTH.items(), strict=True):
        sizes = [parameters(work) if size is None else size for size, work in points]
        styles = (("ours", "gdpo"), ("TRL", "grpo"))
        for (name, style), train in zip(styles, BOTH, strict=True):
            seconds = [median_step(train(work, STEPS, threads)) for _, work in points]
            power = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
            print(f"{name}: seconds a step grow as {label}^{power:.2f}")
            axis.loglog(sizes, seconds, **method_style(style), label=f"{name}, exponent {power:.2f}")
        axis.set(xlabel=label)
        axis.set_xticks(sizes, [f"{size:,}" if size < 1e5 else f"{size / 1e6:.1f} M" for size in sizes])
        axis.minorticks_off()
        axis.legend()
    axes[0].set(ylabel="seconds a step")
    figure.savefig(CHART)


def main() -> None:
    """Compare, then draw the growth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of each trainer")
    parser.add_argument("--no-growth", action="store_true", help="leave the chart as it is")
    arguments = parser.parse_args()
    lines = compare(arguments.repeats, arguments.threads)
    if not arguments.no_growth:
        growth(arguments.threads)
    print("\n".join(lines))


if __name__ == "__main__":
    main()

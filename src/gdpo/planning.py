"""What a call of Snakemake would do, why, and what it would cost; nothing is run or written."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from gdpo.config.differences import compare_configs
from gdpo.config.experiment import Experiment
from gdpo.config.memory import GB, MemoryEstimate
from gdpo.config.runs import Run
from gdpo.parquet import read_table
from gdpo.run_state import RunState, run_states

STEP_SECONDS = "timing_s/step"
"""veRL's metric: duration of a training step in seconds."""


@dataclass(frozen=True)
class Training:
    """One training that would run."""

    run: Run
    why: str
    """In a few words: new, which key changed from what to what, or what Snakemake says."""
    steps: int
    """Steps that are left: not all where it goes on from a checkpoint or another study has it."""
    hours: float | None
    """Device hours (devices x hours) of those; none where no run like it was measured or estimated."""


@dataclass(frozen=True)
class Plan:
    """The jobs that would run."""

    jobs: dict[str, int]
    """Rule -> number of jobs, in the order of the DAG's files."""
    trainings: list[Training]
    memory: dict[str, MemoryEstimate]
    """Model (and arm, where arms of a model differ) -> what its trainings take of each GPU."""


def make_plan(experiment: Experiment, results: Path, checkpoints: Path, snakemake: list[str]) -> Plan:
    """Ask Snakemake what is to do, and say why each training would run.

    Args:
        experiment: the experiment.
        results: folder of all results.
        checkpoints: root of checkpoint folders.
        snakemake: the command line that would be run, e.g. ``["snakemake", "--profile", "laptop"]``.

    Raises:
        RuntimeError: Snakemake cannot make the DAG; the message is its own.
    """
    jobs, reasons = _dry_run(snakemake)
    waiting = {id: run.resolved for id, run in experiment.runs.items() if id in reasons}
    trainings = []
    for state in run_states(results / experiment.name, waiting, checkpoints):
        run = experiment.runs[state.name]
        twin = _twin(run, results, experiment.name)
        why = _why(run, results / experiment.name / "runs", reasons[run.id], twin, state)
        trained = state.step if state.state != "done" else 0  # done and to be trained: on other data
        steps = 0 if twin else run.config.training.steps - trained
        trainings.append(Training(run, why, steps, _hours(experiment, run, results, steps)))
    return Plan(jobs, trainings, _memory(experiment, [training.run for training in trainings]))


def _memory(experiment: Experiment, runs: Sequence[Run]) -> dict[str, MemoryEstimate]:
    found: dict[str, dict[MemoryEstimate, str]] = {}
    for run in runs:
        if (estimate := experiment.memory(run)) is not None:
            found.setdefault(run.model, {}).setdefault(estimate, run.arm)
    return {
        model if len(estimates) == 1 else f"{model}, {arm}": estimate
        for model, estimates in found.items()
        for estimate, arm in estimates.items()
    }


def _dry_run(snakemake: list[str]) -> tuple[dict[str, int], dict[str, str]]:
    """Rule -> number of jobs, and run id -> Snakemake's reason to train it.

    Raises:
        RuntimeError: Snakemake failed.
    """
    done = subprocess.run([*snakemake, "--dry-run"], capture_output=True, text=True)
    if done.returncode:
        problem = (done.stderr + done.stdout).strip()[-2000:]
        raise RuntimeError(f"{' '.join(snakemake)} --dry-run failed:\n{problem}")
    output = done.stdout + done.stderr
    stats = re.search(r"^job +count\n[- ]+\n(.*?)^total ", output, re.M | re.S)
    rows = [line.split() for line in stats[1].splitlines()] if stats else []
    # The message of the rule `train`, and the line after it.
    reasons = re.findall(r"^Job \d+: Training (\S+).*\nReason: (.*)$", output, re.M)
    return {rule: int(count) for rule, count in rows}, dict(reasons)


def _twin(run: Run, results: Path, experiment: str) -> Path | None:
    """Folder of the same finished run in another experiment, if there is one."""
    twins = results.glob(f"*/runs/*-{run.id.rsplit('-', 1)[1]}/summary.json")
    return next((path.parent for path in twins if path.parents[2].name != experiment), None)


def _why(run: Run, runs: Path, reason: str, twin: Path | None, state: RunState) -> str:
    if twin is not None:
        return f"the same as {twin.parents[1].name}'s {twin.name}: takes over its result if the data agree"
    if (runs / run.id / "summary.json").exists():
        return reason
    if state.step:
        return f"{state}: goes on from its newest checkpoint"
    before = sorted(runs.glob(f"{run.name}-????????/config.json"), key=lambda path: path.stat().st_mtime)
    changes = compare_configs(json.loads(before[-1].read_text()), run.resolved) if before else []
    return "; ".join(f"{key}: {_short(old)} -> {_short(new)}" for key, old, new in changes) or "new"


def _short(value: Any, most: int = 60) -> str:
    text = str(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _hours(experiment: Experiment, run: Run, results: Path, steps: int) -> float | None:
    seconds = measured_step_seconds(run, results) or experiment.resources(run).seconds_per_step
    if seconds is None:
        return None
    hardware = run.config.hardware
    return steps * seconds * hardware.nodes * hardware.gpus_per_node / 3600


def measured_step_seconds(run: Run, results: Path) -> float | None:
    """Median seconds a step of a finished run with the same model, training values and hardware, if any."""
    for summary in results.glob("*/runs/*/summary.json"):
        config, metrics = summary.with_name("config.json"), summary.with_name("metrics.parquet")
        if not (config.exists() and metrics.exists()):
            continue
        other = json.loads(config.read_text())
        if all(other.get(key) == run.resolved[key] for key in ("weights", "training", "hardware")):
            table = read_table(metrics).to_pandas()
            if STEP_SECONDS in table:
                return float(table[STEP_SECONDS].median())
    return None


def show_plan(plan: Plan, command: str) -> None:
    """Print jobs, trainings with their reasons, and device hours."""
    console = Console()
    if not plan.jobs:
        console.print("Nothing to do: every result is up to date.")
        return
    if plan.trainings:
        console.print(_trainings(plan))
    else:
        console.print("No training.")
    if plan.memory:
        console.print(_memory_table(plan.memory))
    console.print(
        f"Jobs: {', '.join(f'{count} {rule}' for rule, count in plan.jobs.items())}", highlight=False
    )
    console.print(f"Run it: {command}", highlight=False, soft_wrap=True)


def _trainings(plan: Plan) -> Table:
    table = Table(
        title=f"{len(plan.trainings)} training{'s' * (len(plan.trainings) != 1)}", title_justify="left"
    )
    table.add_column("run", overflow="fold")
    table.add_column("why", overflow="fold")
    table.add_column("steps", justify="right")
    table.add_column("device hours", justify="right")
    for training in plan.trainings:
        table.add_row(training.run.id, training.why, str(training.steps), _shown(training.hours))
    known = [training.hours for training in plan.trainings if training.hours is not None]
    unknown = len(plan.trainings) - len(known)
    total = _shown(sum(known)) if known else "unknown"
    note = f", and {unknown} unmeasured" if unknown and known else ""
    table.caption = f"device hours in all: {total}{note} (1 device is a GPU, or on cpu the machine)"
    return table


def _memory_table(estimates: Mapping[str, MemoryEstimate]) -> Table:
    table = Table(title="GB on each GPU, estimated (docs/memory.md)", title_justify="left")
    table.add_column("")
    for name in estimates:
        table.add_column(name, justify="right", overflow="fold")
    parts = {"training state": "state", "activations": "activations", "logits": "logits", "update": "update"}
    parts |= {"vLLM": "engine", "kept beside vLLM": "kept", "rollout": "rollout", "GPU": "capacity"}
    for label, part in parts.items():
        table.add_row(label, *(f"{getattr(estimate, part) / GB:.0f}" for estimate in estimates.values()))
    table.add_section()
    table.add_row("full-length sequences", *(f"{estimate.sequences:.0f}" for estimate in estimates.values()))
    return table


def _shown(hours: float | None) -> str:
    if hours is None:
        return "unknown"
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.2f}"

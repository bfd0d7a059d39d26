"""How far each training run is, from its files alone: no Snakemake has to run."""

import fcntl
import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gdpo.provenance import read_provenance
from gdpo.step_log import newest_steps, updated

State = Literal["not started", "queued", "running", "interrupted", "failed", "done"]

LOCK = "lock"
"""File in a checkpoint folder that the process holds that trains the run."""
STYLES = {"running": "cyan", "interrupted": "yellow", "failed": "bold red", "done": "green"}
STEPS_TIMED = 10
"""Newest steps that the seconds a step are the mean of."""


class RunState(NamedTuple):
    """One training run."""

    name: str
    state: State
    step: int = 0
    """Newest step that was trained."""
    steps: int | None = None
    """The run's last step; none if its config does not say."""
    seconds_per_step: float | None = None
    wandb_id: str | None = None
    updated: datetime | None = None
    """When it last wrote something (UTC)."""
    error: str | None = None
    """Why a failed run failed, in one line."""

    @property
    def eta(self) -> timedelta | None:
        """Time that the rest of a running training takes."""
        if self.state != "running" or self.steps is None or self.seconds_per_step is None:
            return None
        return timedelta(seconds=round((self.steps - self.step) * self.seconds_per_step))

    def __str__(self) -> str:
        """The state in words, e.g. ``interrupted at step 40 of 100``."""
        of = f"step {self.step} of {self.steps if self.steps is not None else '?'}"
        return {"running": of, "interrupted": f"interrupted at {of}", "failed": f"failed at {of}"}.get(
            self.state, self.state
        )


def run_states(results: Path, expected: Mapping[str, Mapping[str, Any]], checkpoints: Path) -> list[RunState]:
    """The state of every expected run, in that order.

    Args:
        results: an experiment's results, e.g. ``results/demo``.
        expected: name of a run's folder -> its resolved config.
        checkpoints: root of checkpoint folders.
    """
    return [_run_state(results / "runs" / name, config, checkpoints) for name, config in expected.items()]


def _run_state(folder: Path, config: Mapping[str, Any], checkpoints: Path) -> RunState:
    steps = config.get("training", {}).get("steps")
    record = read_provenance(folder)
    if record is None or not record["sessions"]:
        return _without_session(folder, steps)
    checkpoint, last = checkpoints / record["checkpoint"], record["sessions"][-1]
    newest = newest_steps(checkpoint, STEPS_TIMED)
    times = [row["perf/time_per_step"] for row in newest if "perf/time_per_step" in row]
    state = _state(folder, checkpoint, last["outcome"])
    return RunState(
        folder.name,
        state,
        newest[0]["step"] if newest else last["to_step"] or last["from_step"],
        steps,
        fmean(times) if times else None,
        record["wandb"]["id"],
        _latest(updated(checkpoint), last["end"] or last["start"]),
        last["error"] if state == "failed" else None,
    )


def _without_session(folder: Path, steps: int | None) -> RunState:
    """A run that left no provenance: not trained yet, or trained before there was any."""
    summary = folder / "summary.json"
    if summary.exists():
        return RunState(folder.name, "done", json.loads(summary.read_text())["steps"], steps)
    return RunState(folder.name, "queued" if (folder / "config.json").exists() else "not started", 0, steps)


def _state(folder: Path, checkpoint: Path, outcome: str) -> State:
    if all((folder / name).exists() for name in ("metrics.parquet", "summary.json")):
        return "done"
    if _is_held(checkpoint / LOCK):
        return "running"
    return "failed" if outcome == "failed" else "interrupted"


def _is_held(lock: Path) -> bool:
    """Whether a process holds a lock file; asked with a shared lock, for which reading it is enough."""
    if not lock.exists():
        return False
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _latest(seconds: float | None, stamp: str) -> datetime:
    session = datetime.fromisoformat(stamp)
    return session if seconds is None else max(session, datetime.fromtimestamp(seconds, UTC))


def show_states(states: list[RunState], now: datetime) -> None:
    """Print a table with one row a run, how many runs are in which state, and why those failed that did."""
    table = Table("run", "state", "s/step", "ETA", "W&B id", "updated")
    for run in states:
        state = escape(str(run))
        style = STYLES.get(run.state, "")
        seconds = "" if run.seconds_per_step is None else f"{run.seconds_per_step:.2f}"
        updated = "" if run.updated is None else f"{_ago(now - run.updated)} ago"
        cells = (
            f"[{style}]{state}[/]" if style else state,
            seconds,
            str(run.eta or ""),
            run.wandb_id or "",
            updated,
        )
        table.add_row(run.name, *cells)
    for column in table.columns:
        column.overflow = "fold"
    counts = Counter(run.state for run in states)
    table.caption = ", ".join(f"{count} {state}" for state, count in counts.items())
    console = Console(soft_wrap=True)
    console.print(table)
    for run in states:
        if run.error:
            console.print(f"[bold red]{escape(run.name)}:[/] {escape(run.error)}", highlight=False)


def _ago(age: timedelta) -> str:
    seconds = max(0, round(age.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"

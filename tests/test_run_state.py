"""States of runs, from what real sessions, locks and logs leave behind."""

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from gdpo.config.experiment import load_experiment
from gdpo.provenance import session
from gdpo.run_state import LOCK, RunState, run_states, show_states
from gdpo.step_log import newest_step, segment_path

ROOT = Path(__file__).parents[1]
CONFIG = {"training": {"steps": 100}}


class Run:
    """A run folder and its checkpoint folder."""

    def __init__(self, root: Path, name: str = "dgdo-seed1-3f9a1c2e"):
        self.root, self.name = root, name
        self.folder, self.checkpoint = root / "demo" / "runs" / name, root / "checkpoints" / name[-8:]
        for folder in (self.folder, self.checkpoint):
            folder.mkdir(parents=True)

    def resolve(self) -> None:
        (self.folder / "config.json").write_text(json.dumps(CONFIG))

    def session(self, from_step: int = 0):
        known = {"checkpoint": self.checkpoint.name, "wandb": {"id": "3f9a1c2e-abc"}}
        folders, log = [self.checkpoint, self.folder], self.root / "log"
        return session(known, folders, log, from_step, lambda: newest_step(self.checkpoint))

    def train(self, last: int, from_step: int = 0, seconds: float = 2.0) -> None:
        rows = [
            {"step": step, "data": {"perf/time_per_step": seconds}} for step in range(from_step + 1, last + 1)
        ]
        path = segment_path(self.checkpoint, from_step)
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def finish(self) -> None:
        (self.folder / "metrics.parquet").touch()
        (self.folder / "summary.json").write_text(json.dumps({"steps": 100}))

    def state(self) -> RunState:
        [state] = run_states(self.root / "demo", {self.name: CONFIG}, self.root / "checkpoints")
        return state


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_before_training(run):
    assert str(run.state()) == "not started"
    run.resolve()
    assert str(run.state()) == "queued"


def test_a_run_that_trains(run):
    run.resolve()
    with FileLock(run.checkpoint / LOCK), run.session():
        assert str(run.state()) == "step 0 of 100" and run.state().eta is None
        run.train(40)
        state = run.state()
        assert str(state) == "step 40 of 100"
        assert (state.seconds_per_step, state.eta) == (2.0, timedelta(minutes=2))
        assert state.wandb_id == "3f9a1c2e-abc"
        assert timedelta() <= datetime.now(UTC) - state.updated < timedelta(minutes=1)


def test_a_run_that_goes_on_counts_from_its_checkpoint(run):
    run.train(47)
    run.train(40, from_step=40)  # its new session has not done a step
    with FileLock(run.checkpoint / LOCK), run.session(40):
        assert str(run.state()) == "step 40 of 100"


def test_a_killed_run_is_interrupted(run):
    """By SIGTERM, which it records; and by SIGKILL, which only its lock tells."""
    with pytest.raises(SystemExit), run.session():
        run.train(40)
        raise SystemExit(143)
    assert str(run.state()) == "interrupted at step 40 of 100"
    lock = FileLock(run.checkpoint / LOCK)
    with lock:
        killed = run.session(40)
        killed.__enter__()
        run.train(55, from_step=40)
        assert str(run.state()) == "step 55 of 100"
    assert str(run.state()) == "interrupted at step 55 of 100"


def test_a_failed_run_says_why(run):
    with pytest.raises(RuntimeError), run.session():
        run.train(3)
        (run.root / "log").write_text("ValueError: no such file\nwandb: bye\n")
        raise RuntimeError("exit code 1")
    state = run.state()
    assert (str(state), state.error) == ("failed at step 3 of 100", "ValueError: no such file")
    with FileLock(run.checkpoint / LOCK), run.session():
        assert run.state().state == "running" and run.state().error is None


def test_a_finished_run_is_done(run):
    run.resolve()
    with run.session():
        run.train(100)
    assert run.state().state == "interrupted"  # its outputs are not written yet
    run.finish()
    assert (run.state().state, run.state().step) == ("done", 100)
    shutil.rmtree(run.checkpoint)
    assert (run.state().state, run.state().step) == ("done", 100)


def test_a_thousand_runs_take_seconds(tmp_path):
    first = Run(tmp_path, "run-0000")
    with first.session():
        first.train(100)
    for i in range(1, 1000):
        shutil.copytree(first.folder, tmp_path / "demo" / "runs" / f"run-{i:04d}")
    start = time.monotonic()
    states = run_states(
        tmp_path / "demo", {f"run-{i:04d}": CONFIG for i in range(1000)}, tmp_path / "checkpoints"
    )
    assert time.monotonic() - start < 5
    assert len(states) == 1000 and {state.step for state in states} == {100}


def test_the_command_lists_every_run_of_the_experiment(tmp_path):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    runs = load_experiment(ROOT / "config" / "demo.yaml").runs
    interrupted = Run(tmp_path / "results", next(iter(runs)))
    with pytest.raises(SystemExit), interrupted.session():
        interrupted.train(7)
        raise SystemExit(143)
    command = [sys.executable, "-m", "gdpo.cli", "status", "demo"]
    wide = os.environ | {"COLUMNS": "200"}
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=wide)
    assert result.returncode == 0, result.stderr
    assert all(id in result.stdout for id in runs)
    assert f"interrupted at step 7 of {runs[interrupted.name].config.training.steps}" in result.stdout
    assert f"1 interrupted, {len(runs) - 1} not started" in result.stdout


def test_why_a_run_failed_stands_below_the_table_in_one_line(capsys):
    error = "RewardError: reward mine raised KeyError ('gap') on response 1 of 32; mend my/parts.py, line 57"
    failed = RunState("gdpo-seed1-0f01367d", "failed", 3, 100, error=error)
    show_states([failed], datetime(2026, 11, 27, tzinfo=UTC))
    assert f"gdpo-seed1-0f01367d: {error}" in capsys.readouterr().out.splitlines()

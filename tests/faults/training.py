"""A small training as a process of its own, for campaigns that break it and compare what comes out."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import psutil

from gdpo.checkpoints import newest_step, step_folder
from gdpo.config.run import RunConfig
from gdpo.manifest import MANIFEST
from gdpo.parquet import read_table
from gdpo.step_log import newest_step as recorded_step

STEPS, EVERY = 12, 3
DRIVER, WORKER, SERVER = "gdpo::trainer", "ray::WorkerDict", "ray::RolloutServer"
"""Parts of the command lines of a training's processes."""
_MEASURED = ("timing", "perf/", "actor/perf/")
_TIMEOUT = 600


def write_config(folder: Path, steps: int) -> Path:
    """A resolved DGDO run with a checkpoint and a validation every third step."""
    values = {
        "method": "dgdo",
        "algorithm": {"warmup_steps": 1},
        "rewards": {"correctness": {}, "length": {"options": {"limit": 20}}},
        "training": {
            "steps": steps,
            "lr": 1e-3,
            "train_batch_size": 8,
            "ppo_mini_batch_size": 4,
            "responses_per_prompt": 4,
            "max_response_length": 48,
            "checkpoint_every": EVERY,
            "validate_every": EVERY,
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "run.json"
    path.write_text(json.dumps(RunConfig.model_validate(values).resolved()))
    return path


class Training:
    """One run in a folder of its own; it may be started again and again.

    Args:
        folder: where everything of it goes.
        toy: folder with ``model``, ``train.parquet`` and ``validation.parquet``.
        steps: length of the training.
    """

    def __init__(self, folder: Path, toy: Path, steps: int = STEPS):
        self.folder, self.toy = folder, toy
        self.config = write_config(folder, steps)
        self.process: subprocess.Popen | None = None
        self._shm = set(Path("/dev/shm").iterdir())

    def command(self, *options: str) -> list[str]:
        """What trains it."""
        paths = [
            self.config,
            self.toy / "train.parquet",
            self.toy / "validation.parquet",
            self.toy / "model",
            self.folder / "checkpoints",
            self.metrics,
            self.folder / "run" / "summary.json",
        ]
        command = [sys.executable, "-m", "gdpo.cli", "train", *map(str, paths)]
        return [*command, "--log", str(self.folder / "train.log"), *options]

    def start(self, environment: Mapping[str, str] | None = None, wandb: str = "disabled") -> None:
        """Begin the job, or go on with it."""
        with (self.folder / "job.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command("--wandb", wandb),
                start_new_session=True,
                env=os.environ | {"GDPO_FAULT": str(self.folder)} | dict(environment or {}),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def end(self) -> int:
        """Wait for the job; its exit code."""
        return self.process.wait(_TIMEOUT)

    def run(self, environment: Mapping[str, str] | None = None, wandb: str = "disabled") -> int:
        """Start and wait."""
        self.start(environment, wandb)
        return self.end()

    @property
    def metrics(self) -> Path:
        return self.folder / "run" / "metrics.parquet"

    @property
    def checkpoints(self) -> Path:
        """The run's checkpoint folder, named by content."""
        found = [path for path in (self.folder / "checkpoints").glob("*") if path.is_dir()]
        return found[0] if found else self.folder / "checkpoints" / "none"

    @property
    def said(self) -> str:
        """What the job wrote on the terminal, all sessions."""
        return (self.folder / "job.log").read_text(errors="replace")

    def wait_for(self, condition: Callable[[], bool]) -> bool:
        """Whether the condition came true before the job ended."""
        deadline = time.monotonic() + _TIMEOUT
        while time.monotonic() < deadline and self.process.poll() is None:
            if condition():
                return True
            time.sleep(0.005)
        return False

    def recorded(self) -> int:
        """Newest step in the metrics."""
        return recorded_step(self.checkpoints) if self.checkpoints.is_dir() else 0

    def saving(self) -> bool:
        """Whether a checkpoint is being written."""
        folder = step_folder(self.checkpoints, newest_step(self.checkpoints) + EVERY)
        return folder.is_dir() and not (folder / MANIFEST).exists()

    def processes(self) -> list[psutil.Process]:
        """Every process that this training started."""
        return processes_of(str(self.folder))

    def kill(self, name: str | None) -> None:
        """SIGKILL to the processes whose command line holds ``name``; by default to all at once."""
        victims = self.processes()
        if name is not None:
            victims = [p for p in victims if name in " ".join(_command(p)) and p.pid != self.process.pid]
            victims = victims[:1] if name == DRIVER else victims
        for process in victims:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)

    def left_behind(self) -> list[str]:
        """Processes, temporary folders and shared memory that outlive the job, after a short grace."""
        deadline = time.monotonic() + 20
        while (alive := self._left()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return alive

    def _left(self) -> list[str]:
        folders = [str(path) for path in Path("/tmp").glob(f"gdpo-ray-{self.process.pid}-*")]
        shared = map(str, set(Path("/dev/shm").iterdir()) - self._shm)
        return [*(" ".join(_command(p))[:80] for p in self.processes()), *folders, *shared]


def processes_of(mark: str) -> list[psutil.Process]:
    """Processes with this value of GDPO_FAULT, a variable that children inherit."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("GDPO_FAULT") == mark:
                found.append(process)
    return found


class Outcome(NamedTuple):
    """What one trial came to."""

    recovered: bool
    """It reached the end after it was started again, or stopped with its sentence as it should."""
    equal: bool | None
    """The results are those of an undisturbed run; None where there is nothing to compare."""
    lost: str
    """Work that had to be done again."""
    left_behind: list[str]
    note: str = ""


class Result(NamedTuple):
    """What a finished training came to: equal results have equal fields."""

    metrics: str
    """Hash of every metric of every step but measured times and memory."""
    weights: str
    """Hash of the final weights."""


def result(training: Training) -> Result:
    """The result of a finished training."""
    summary = json.loads((training.folder / "run" / "summary.json").read_text())
    weights = training.folder / "checkpoints" / summary["checkpoint"] / "actor/huggingface/model.safetensors"
    rows = pd.util.hash_pandas_object(deterministic(read_table(training.metrics).to_pandas()), index=False)
    contents = rows.to_numpy().tobytes(), weights.read_bytes()
    return Result(*(hashlib.sha256(content).hexdigest()[:12] for content in contents))


def deterministic(metrics: pd.DataFrame) -> pd.DataFrame:
    """The metrics without those that a clock or the machine's memory measures."""
    return metrics[sorted(name for name in metrics if not name.startswith(_MEASURED))]


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Callable[[str], None]]:
    """A file system of its own on ``folder``, with what lies there copied; yields a remount with options.

    Needs root. What is on it is copied back at the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder.with_name(f"{folder.name}.copy")
    shutil.copytree(folder, copy, symlinks=True)
    _mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder))
    try:
        shutil.copytree(copy, folder, symlinks=True, dirs_exist_ok=True)
        yield lambda options: _mount("-o", f"remount,{options}", str(folder))
        shutil.rmtree(copy)
        shutil.copytree(folder, copy, symlinks=True)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(folder)
        copy.rename(folder)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _command(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []

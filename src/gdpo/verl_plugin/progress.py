"""One line a few seconds about a training run, on the terminal, while everything else goes to the log."""

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from datetime import timedelta

from gdpo.config.training import TrainingConfig

LABEL = "GDPO_RUN_LABEL"
"""Environment variable: the name of the run in progress lines."""
STREAM = "GDPO_PROGRESS_FD"
"""Environment variable: file descriptor of the terminal, where standard output is a log file."""


class Progress:
    """Prints step, rewards, response length, generated tokens a second, seconds a step and time left.

    Args:
        training: steps and batch of the run.
        every: least seconds between two lines.
    """

    def __init__(self, training: TrainingConfig, every: float = 5.0):
        self._steps, self._every = training.steps, every
        self._responses = training.train_batch_size * training.responses_per_prompt
        self._label = os.environ.get(LABEL, "train")
        self._stream = os.fdopen(os.dup(int(os.environ.get(STREAM, sys.stderr.fileno()))), "w")
        self._start, self._last_print = time.monotonic(), 0.0
        self._first_step = 0

    def start(self, next_step: int) -> None:
        """Training begins with ``next_step``."""
        self._start, self._first_step = time.monotonic(), next_step - 1
        resumed = f", going on from the checkpoint of step {self._first_step}" if self._first_step else ""
        self.say(f"training {self._steps} steps{resumed}")

    def update(self, step: int, metrics: Mapping[str, float]) -> None:
        """Step ``step`` is done."""
        now = time.monotonic()
        if now - self._last_print < self._every and step < self._steps:
            return
        self._last_print = now
        per_step = (now - self._start) / max(1, step - self._first_step)
        rewards = " ".join(
            f"{name.split('/')[1]} {value:.2f}"
            for name, value in metrics.items()
            if name.startswith("reward/") and name.endswith("/mean")
        )
        length, left = (
            metrics["response_length/mean"],
            timedelta(seconds=round(per_step * (self._steps - step))),
        )
        speed = length * self._responses / metrics["perf/time_per_step"]
        self.say(
            f"step {step}/{self._steps}  {rewards}  length {length:.0f} tokens  "
            f"{speed:.0f} tokens/s  {per_step:.1f} s/step  ETA {left}"
        )

    def say(self, text: str) -> None:
        """Print one line under the run's name; a training outlives the terminal that it was started from."""
        with contextlib.suppress(OSError):
            print(f"[{self._label}] {text}", file=self._stream, flush=True)

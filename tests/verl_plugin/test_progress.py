"""The progress line, as it appears on the terminal."""

import os
import re

from gdpo.config.training import TrainingConfig
from gdpo.verl_plugin.progress import LABEL, STREAM, Progress

METRICS = {
    "reward/correctness/mean": 0.5,
    "reward/length/mean": 1.0,
    "reward/length/std": 0.3,
    "response_length/mean": 20.0,
    "perf/time_per_step": 4.0,
}


def test_a_step_in_one_line(monkeypatch):
    read, write = os.pipe()
    monkeypatch.setenv(STREAM, str(write))
    monkeypatch.setenv(LABEL, "dgdo-seed1")
    progress = Progress(TrainingConfig(steps=6, train_batch_size=16, responses_per_prompt=8), every=0)
    progress.start(next_step=5)
    progress.update(5, METRICS)
    began, line = os.read(read, 10_000).decode().splitlines()
    assert began == "[dgdo-seed1] training 6 steps, going on from the checkpoint of step 4"
    # 16 x 8 responses of 20 tokens in 4 s
    pattern = (
        r"\[dgdo-seed1\] step 5/6  correctness 0\.50 length 1\.00  length 20 tokens  640 tokens/s  "
        r"\d+\.\d s/step  ETA \d:\d\d:\d\d"
    )
    assert re.fullmatch(pattern, line)

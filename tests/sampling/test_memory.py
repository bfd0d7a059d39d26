"""Memory of a benchmark does not grow with its tokens."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("long_benchmark.py")
SAMPLES, TOKENS, BATCH = 2000, 2000, 4
BYTES_A_TOKEN = 4  # in Arrow a token takes 4 and its text 3.5, as a Python integer in a list 36


def test_drawing_taking_and_grading_hold_no_whole_benchmark(tmp_path):
    command = [sys.executable, SCRIPT, tmp_path, SAMPLES, TOKENS, BATCH]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    peaks = dict(line.split("\t") for line in done.stdout.splitlines())
    before, allowed = float(peaks.pop("before")), SAMPLES * TOKENS * BYTES_A_TOKEN / 2**20
    assert peaks.keys() == {"drawn", "taken from the store", "graded"}
    assert all(float(peak) - before < allowed for peak in peaks.values()), (before, peaks)

"""Memory of a benchmark does not grow with its tokens, and is what its jobs ask for."""

import os
import subprocess
import sys
from pathlib import Path

from gdpo.config.host_memory import sampling_mem_mb, scoring_mem_mb
from gdpo.config.sampling import Sampling

# Arrow's own, and one arena a thread, sometimes keep 27 MB that nobody holds.
ONE_ALLOCATOR = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}
SCRIPT = Path(__file__).with_name("long_benchmark.py")
BYTES_A_TOKEN = 4  # in Arrow a token takes 4 and its text 3.5, as a Python integer in a list 36


def peaks_mb(folder: Path, samples: int, tokens: int, batch_size: int) -> tuple[float, dict[str, float]]:
    """Before the larger part of the benchmark, and after each of its steps."""
    command = [sys.executable, SCRIPT, folder, samples, tokens, batch_size]
    environment = os.environ | ONE_ALLOCATOR
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=True, env=environment
    )
    found = {step: float(peak) for step, peak in (line.split("\t") for line in done.stdout.splitlines())}
    assert list(found) == ["before", "drawn", "taken from the store", "graded"]
    return found.pop("before"), found


def test_drawing_taking_and_grading_hold_no_whole_benchmark(tmp_path):
    before, peaks = peaks_mb(tmp_path, 6400, 1000, batch_size=4)
    allowed = 6400 * 1000 * BYTES_A_TOKEN / 2**20
    assert all(peak - before < allowed for peak in peaks.values()), (before, peaks)


def test_a_large_chunk_stays_within_what_its_job_asks_for(tmp_path):
    _, peaks = peaks_mb(tmp_path, 1024, 8000, batch_size=64)
    section = Sampling(backend="vllm", max_tokens=8000, batch_size=64)
    assert peaks["taken from the store"] < sampling_mem_mb(section, 0)
    assert peaks["graded"] < scoring_mem_mb(section)

"""What a person sees: Snakemake in a terminal (a real pseudo-terminal, read by a terminal emulator)."""

import os
import pty
import select
import subprocess
import sys
import time

import pyte
import pytest

SNAKEFILE = """
rule all:
    input: expand("out/{i}", i=range(2))
rule train:
    output: "out/{i}"
    shell: "for s in 1 2 3; do echo '[run-{wildcards.i}] step '$s'/3 ETA 0' >&2; sleep .4; done; > {output}"
"""
COLUMNS, LINES = 90, 40


@pytest.fixture
def workflow(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    return tmp_path


def command(*arguments):
    return [sys.executable, "-m", "snakemake", "--cores", "2", "--logger", "gdpo", *arguments]


def in_a_terminal(folder, *arguments) -> tuple[list[str], set[str]]:
    """The lines on the screen at the end, and every line that was ever on it."""
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(LINES)}
    process = subprocess.Popen(command(*arguments), cwd=folder, env=environment, stdout=slave, stderr=slave)
    os.close(slave)
    screen = pyte.Screen(COLUMNS, LINES)
    stream, seen = pyte.ByteStream(screen), set()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 0.2)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            data = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        stream.feed(data)
        seen |= {line.rstrip() for line in screen.display}
    assert process.wait(30) == 0, screen.display
    return [line.rstrip() for line in screen.display], seen


def test_progress_of_the_dag_and_of_each_job_are_both_seen(workflow):
    screen, seen = in_a_terminal(workflow)
    assert any("Workflow Progress" in line for line in seen)
    assert any("train" in line and "%" in line for line in seen)
    # The panel is drawn and cleared under the jobs' lines, and takes none of them away.
    for run in range(2):
        assert [line for line in screen if line.startswith(f"[run-{run}]")] == [
            f"[run-{run}] step {step}/3 ETA 0" for step in (1, 2, 3)
        ]


def test_without_a_terminal_and_in_a_dry_run_snakemakes_own_log_is_printed(workflow):
    dry = subprocess.run(command("--dry-run"), cwd=workflow, capture_output=True, text=True)
    assert "rule train:" in dry.stdout + dry.stderr
    done = subprocess.run(command(), cwd=workflow, capture_output=True, text=True)
    assert done.returncode == 0
    assert "3 of 3 steps (100%) done" in done.stderr and "[run-1] step 3/3" in done.stderr
    assert any("rule train:" in line for line in in_a_terminal(workflow, "--dry-run", "--forceall")[1])

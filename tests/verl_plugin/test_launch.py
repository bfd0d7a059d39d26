"""Around the trainer: no process and no folder outlives the job, and a run has one trainer at a time."""

import subprocess
import sys
import time

import pytest
from filelock import FileLock

from gdpo.config.training import HardwareConfig
from gdpo.run_state import LOCK
from gdpo.verl_plugin import launch

GUARDED = """
import subprocess, sys, time
from pathlib import Path
from gdpo.verl_plugin import launch
child = subprocess.Popen(["sleep", "60"], start_new_session=True)
with launch._watchdog(child.pid, Path(sys.argv[1])):
    print(child.pid, flush=True)
    time.sleep(60)
"""
LOCKED = """
import sys
from pathlib import Path
from gdpo.verl_plugin import launch
with launch._only_trainer(Path(sys.argv[1]), "second"):
    print("trained", flush=True)
"""
SCRATCHED = """
import sys
from pathlib import Path
from gdpo.verl_plugin import launch
launch.SCRATCH = Path(sys.argv[1])
times = 0
for _ in range(200):
    with launch._scratch_folder() as folder:
        (folder / "ray").mkdir()
        times += (folder / "ray").is_dir()
print(times)
"""


def running(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")


def test_a_killed_job_takes_its_trainer_and_its_folder_along(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    job = subprocess.Popen([sys.executable, "-c", GUARDED, scratch], stdout=subprocess.PIPE, text=True)
    trainer = int(job.stdout.readline())
    assert running(trainer)
    job.kill()
    job.wait()
    deadline = time.monotonic() + 10
    while running(trainer) or scratch.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_second_job_waits_for_the_first(tmp_path):
    with FileLock(tmp_path / "lock"):
        second = subprocess.Popen(
            [sys.executable, "-c", LOCKED, tmp_path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert "waiting for the process that already trains this run" in second.stderr.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(1)
    output, _ = second.communicate(timeout=20)
    assert output == "trained\n"


def test_jobs_that_start_at_once_leave_each_others_folders_alone(tmp_path):
    (tmp_path / "gdpo-ray-1-dead").mkdir()
    (tmp_path / "gdpo-ray-1-dead" / LOCK).touch()
    command = [sys.executable, "-c", SCRATCHED, tmp_path]
    jobs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)]
    jobs += [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)]
    assert [job.communicate(timeout=60)[0] for job in jobs] == ["200\n", "200\n"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("gpus", [1, 4, 8])
def test_ray_has_the_cpus_that_verl_reserves_on_any_machine(gpus, tmp_path):
    # Seen on one GPU: 12 are enough, and 11 wait for ever.
    hardware = HardwareConfig(platform="cuda", gpus_per_node=gpus)
    assert launch._ray_settings(tmp_path, hardware)["num_cpus"] >= 9 + 3 * gpus

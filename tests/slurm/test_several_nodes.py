"""One Ray cluster over the nodes of a job."""

import ast
import shutil
import subprocess
import time
import zlib
from pathlib import Path

import psutil
import pytest

from gdpo.cluster.job import SlurmError
from gdpo.cluster.ray_nodes import ray_on_nodes

pytestmark = pytest.mark.slow

JOB = """
import os, subprocess, sys
from pathlib import Path
from gdpo.cluster.ray_nodes import ray_on_nodes
folder = Path(sys.argv[1])
given = os.environ | {"FOR_WORKERS": "yes"}
with ray_on_nodes(4, 2, folder / "ray.log", Path(sys.argv[2]), given) as access:
    (folder / "token").write_text(access["RAY_AUTH_TOKEN"])
    subprocess.run([sys.executable, "-c", sys.argv[3]], env=os.environ | access, check=True)
"""
DRIVER = """
import os, time, ray
ray.init(log_to_driver=False)
@ray.remote(num_gpus=4, num_cpus=1)
def place():
    time.sleep(3)
    return [os.environ.get(name) for name in ("SLURMD_NODENAME", "CUDA_VISIBLE_DEVICES", "FOR_WORKERS")]
print([ray.cluster_resources()["GPU"], *ray.get([place.remote(), place.remote()])], flush=True)
"""


def run_on_two_nodes(folder: Path, driver: str) -> subprocess.Popen:
    """A job as the executor plugin makes it: one process in a step, with all GPUs of two nodes."""
    (folder / "job.py").write_text(JOB)
    (folder / "driver.py").write_text(driver)
    inner = f'python {folder}/job.py {folder} {session(folder)} "$(cat {folder}/driver.py)"'
    asked = [
        "--partition=a100",
        "--nodes=2",
        "--gres=gpu:a100:4",
        "--cpus-per-task=2",
        "--mem=3000",
        "--time=9",
    ]
    step = f"srun -n1 --nodes=2 --cpus-per-task=2 {inner}"
    return subprocess.Popen(["sbatch", "--wait", f"--output={folder}/out", *asked, "--wrap", step])


def session(folder: Path) -> Path:
    """Ray's folder; with a short path, for its sockets."""
    return Path("/tmp", f"gdpo-ray-{zlib.crc32(str(folder).encode()):x}")


def left_behind(folder: Path) -> list[str]:
    """Processes of the job's Ray, after a grace of 30 seconds."""
    end = time.monotonic() + 30
    while True:
        lines = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
        lines = [line for line in lines if str(session(folder)) in line]
        if not lines or time.monotonic() > end:
            return lines
        time.sleep(0.5)


def test_two_nodes_are_one_ray_cluster_of_eight_gpus(slurm, tmp_path):
    assert run_on_two_nodes(tmp_path, DRIVER).wait(400) == 0, (tmp_path / "out").read_text()
    printed = next(line for line in (tmp_path / "out").read_text().splitlines() if line.startswith("["))
    gpus, *places = ast.literal_eval(printed)
    assert gpus == 8
    assert {node for node, _, _ in places} == {"gpu-a100-1", "gpu-a100-2"}
    for _, devices, given in places:
        assert sorted(devices.split(",")) == ["0", "1", "2", "3"] and given == "yes"
    # Without the token, nobody: it is random, and in no file of the job's.
    assert (tmp_path / "token").read_text() not in (tmp_path / "ray.log").read_text()
    assert not left_behind(tmp_path) and not session(tmp_path).exists()


def test_ray_ends_with_its_job_however_that_ends(slurm, tmp_path):
    killed = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    assert run_on_two_nodes(tmp_path, killed).wait(400) != 0
    assert (tmp_path / "token").exists(), "it ended before the driver"
    assert not left_behind(tmp_path)
    # After SIGKILL nobody is left to remove Ray's folder on the nodes.
    shutil.rmtree(session(tmp_path), ignore_errors=True)


def test_several_nodes_need_a_job(tmp_path):
    with (
        pytest.raises(SlurmError, match="only within a SLURM job"),
        ray_on_nodes(1, 1, tmp_path / "log", tmp_path, {}),
    ):
        pass

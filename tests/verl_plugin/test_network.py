"""A training on one machine is reached from this machine only."""

import ipaddress
import json
import os
import subprocess
import sys

import psutil
import pytest

from gdpo.config.run import RunConfig

pytestmark = pytest.mark.slow

RUN = {
    "method": "gdpo",
    "rewards": {"length": {"options": {"limit": 20}}},
    "training": {
        "steps": 1,
        "train_batch_size": 8,
        "ppo_mini_batch_size": 8,
        "responses_per_prompt": 4,
        "max_response_length": 48,
    },
}


def listening(process: psutil.Process) -> set[tuple[str, str]]:
    """(process, address) of every listening socket of a process's descendants."""
    found = set()
    for child in process.children(recursive=True):
        try:
            name = (child.cmdline() or [child.name()])[0].split("/")[-1]
            sockets = child.net_connections(kind="inet")
        except psutil.Error:  # it has just ended
            continue
        found |= {(name, socket.laddr.ip) for socket in sockets if socket.status == psutil.CONN_LISTEN}
    return found


def is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback


def test_nothing_listens_beyond_the_loopback_interface(toy, tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(RunConfig.model_validate(RUN).resolved()))
    inputs = [tmp_path / "run.json", toy / "train.parquet", toy / "validation.parquet", toy / "model"]
    outputs = [tmp_path / name for name in ("checkpoints", "metrics.parquet", "summary.json")]
    command = [sys.executable, "-m", "gdpo.cli", "train", *map(str, inputs + outputs)]
    command += ["--log", str(tmp_path / "log"), "--wandb", "disabled"]
    environment = os.environ | {"HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    seen = set()
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as job:
        while job.poll() is None:
            seen |= listening(psutil.Process(job.pid))
    assert job.returncode == 0, (tmp_path / "log").read_text()[-2000:]
    assert {name for name, _ in seen} >= {"gcs_server", "raylet", "ray::WorkerDict"}
    assert not {(name, address) for name, address in seen if not is_loopback(address)}
    assert not list((tmp_path / "home").rglob("*token*"))  # Ray keeps one there unless it is given one

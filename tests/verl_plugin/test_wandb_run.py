"""W&B runs that stay on this machine: real wandb, read back from its own files."""

import json
import os
import subprocess
import sys

import pytest
from wandb_file import history, run_record

from gdpo.verl_plugin.wandb_run import Tracking, wandb_id

OPEN = """
import sys, wandb
from gdpo.verl_plugin.wandb_run import open_wandb_run
print(open_wandb_run("gdpo", "dgdo-seed1", {"seed": 1}, print))
wandb.init()  # as veRL's logger does
wandb.log({"train/reward": 0.5}, step=7)
wandb.finish()
"""
BREAK = """
import os, psutil, signal
from verl.utils.tracking import Tracking
import gdpo.verl_plugin.register
import verl.trainer.ppo.v1
from gdpo.verl_plugin.trainer import _Recorder
committed = []
tracking = Tracking("gdpo", "run", ["file", "wandb"], {"trainer": {}})
recorder = _Recorder(tracking, lambda data: committed.append(step), lambda error: print("BROKE", type(error)))
for step in range(1, 5):
    recorder.log(data={"x": step}, step=step)
    if step == 2:
        [core] = [p for p in psutil.Process().children(recursive=True) if "wandb-core" in p.name()]
        core.kill(), core.wait()
recorder.finish()
print("COMMITTED", committed)
"""
KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("choice", "environment", "mode"),
    [
        ("auto", {}, "offline"),
        ("auto", {"WANDB_API_KEY": ""}, "offline"),
        ("auto", {"WANDB_API_KEY": KEY}, "online"),
        ("auto", {"WANDB_API_KEY": KEY, "WANDB_MODE": "disabled"}, "disabled"),
        ("auto", {"WANDB_MODE": "online"}, "online"),
        ("offline", {"WANDB_API_KEY": KEY, "WANDB_MODE": "online"}, "offline"),
    ],
)
def test_mode(choice, environment, mode):
    assert Tracking.of(choice, "run", "demo", environment).mode == mode


def test_the_id_lives_as_long_as_the_checkpoint_folder(tmp_path):
    first, second = tmp_path / "a" / "3f9a1c2e", tmp_path / "b" / "3f9a1c2e"
    assert wandb_id(first) == wandb_id(first)
    assert wandb_id(first).startswith("3f9a1c2e-")
    assert wandb_id(first) != wandb_id(second)  # the same run trained anew elsewhere


def test_disabled_leaves_nothing(tmp_path):
    assert Tracking("disabled", "gdpo", "run", "demo").variables(tmp_path) == {}
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("server", [{}, {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": "http://127.0.0.1:9"}])
def test_without_a_server_the_run_is_recorded_offline(server, tmp_path):
    """Without a key, and with a key and a server that does not answer."""
    variables = Tracking("online", "gdpo", "dgdo-seed1", "demo").variables(tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    environment |= variables | {"WANDB_INIT_TIMEOUT": "1", "HOME": str(tmp_path)} | server
    command = [sys.executable, "-c", OPEN]
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL
    )
    assert result.returncode == 0, result.stderr
    [said] = [line for line in result.stdout.splitlines() if "W&B is" in line]
    assert said.startswith("W&B is not available (") and "recording offline" in said
    assert "True" in result.stdout.splitlines()
    [file] = tmp_path.glob("wandb/offline-run-*/*.wandb")
    run = run_record(file)
    assert (run.run_id, run.run_group, run.display_name) == (wandb_id(tmp_path), "demo", "dgdo-seed1")
    assert history(file) == {7: {"train/reward": 0.5}}
    text = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in content for content in text)


@pytest.mark.slow
def test_a_broken_wandb_does_not_end_the_training(tmp_path):
    """W&B's own process is killed between two steps of veRL's real logger."""
    log = tmp_path / "steps.jsonl"
    environment = os.environ | Tracking("offline", "gdpo", "run", "demo").variables(tmp_path)
    environment |= {"VERL_FILE_LOGGER_PATH": str(log), "VERL_PLATFORM": "cpu"}
    result = subprocess.run([sys.executable, "-c", BREAK], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("BROKE") == 1 and "COMMITTED [1, 2, 3, 4]" in result.stdout
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2, 3, 4]

"""The process that a CPU run's processes are forks of, and what Ray runs to ask it for one."""

import json
import os
import socket
import subprocess
import sys

import pytest

from gdpo.verl_plugin import worker_launcher


def launcher(address, *command: str, **options) -> subprocess.Popen:
    python = [sys.executable, "-IS", worker_launcher.__file__, str(address)]
    return subprocess.Popen([*python, *map(str, command)], stdout=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("script", ["default_worker.py", "setup_worker.py"])
def test_a_worker_is_asked_for_with_its_command_environment_and_streams(tmp_path, script):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        server.listen()
        environment = {"RAY_JOB_ID": "02000000", "ODD": "caf\udce9"}
        asking = launcher(tmp_path / "socket", f"/ray/{script}", "--key=a b", env=environment)
        connection, _ = server.accept()
        _, streams, _, _ = socket.recv_fds(connection, 1, 3)
        request = json.load(connection.makefile())
        os.write(streams[1], b"from the worker")
        for stream in streams:
            os.close(stream)
        assert asking.communicate(timeout=20) == ("from the worker", None) and asking.returncode == 0
    assert request["command"] == [f"/ray/{script}", "--key=a b"]
    assert environment.items() <= request["environment"].items()


def test_other_processes_of_ray_start_as_always(tmp_path):
    script = tmp_path / "agent.py"
    script.write_text("import sys; print(sys.argv[1:], sys.flags.isolated)")
    assert launcher("nowhere", script, "--x").communicate(timeout=20)[0] == "['--x'] 0\n"


@pytest.mark.slow
def test_a_ray_that_does_not_start_ends_the_run_and_is_in_its_log(tmp_path):
    environment = os.environ | {
        "VERL_PLATFORM": "cpu",
        "VERL_USE_EXTERNAL_MODULES": "gdpo.verl_plugin.register",
        "GDPO_RAY_INIT": json.dumps({"no_such_option": 1}),
    }
    command = [sys.executable, "-m", "gdpo.verl_plugin.fork_server"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 1 and "no_such_option" in ended.stderr

"""Set-up: what the machine lacks is said in one sentence."""

import importlib.util
import sys
from collections import namedtuple
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "requirements" / "install.py"


@pytest.fixture
def install(monkeypatch, tmp_path):
    """The set-up script, on a machine without an environment."""
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", str(tmp_path / "venv"))
    monkeypatch.setattr(module, "GPU_VENV", str(tmp_path / "gpu"))
    return module


def test_a_wrong_python_is_named(install, monkeypatch):
    monkeypatch.setattr(sys, "version_info", namedtuple("v", "major minor micro")(3, 9, 1))
    with pytest.raises(SystemExit, match="Python 3.11 is needed and this is 3.9"):
        install.check_machine("cpu")


@pytest.mark.parametrize(("lock_set", "needed"), [("cpu", 6), ("gpu", 14)])
def test_too_little_disk_is_named(install, monkeypatch, lock_set, needed):
    usage = namedtuple("usage", "total used free")(10**11, 9 * 10**10, (needed - 1) * 10**9)
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SystemExit, match=rf"{needed} GB of free disk .* has {needed - 1}.0 GB"):
        install.check_machine(lock_set)


def test_a_good_machine_passes(install):
    install.check_machine("cpu")


@pytest.fixture
def commands(install, monkeypatch):
    """The commands that the script would run, which make the environments that they are asked for."""
    found = []

    def run(*command):
        found.append(" ".join(command))
        if command[1:3] == ("-m", "venv"):
            Path(command[3]).mkdir()

    monkeypatch.setattr(install, "run", run)
    monkeypatch.setattr(install.subprocess, "call", lambda command, **_: run(*command) or 0)
    return found


def test_the_gpu_set_is_an_environment_of_its_own_without_the_cpus_pytorch(install, commands, tmp_path):
    install.main(["gpu"])
    assert f"-m venv {tmp_path / 'gpu'}" in commands[0]
    assert all(command.startswith(str(tmp_path / "gpu" / "bin" / "python")) for command in commands[1:])
    assert [c.split("requirements/")[1] for c in commands if "-r " in c] == ["gpu.txt"]
    assert commands[-1].endswith("--no-deps -e .") and not any("torch" in command for command in commands)
    assert not (tmp_path / "venv").exists()
    done = len(commands)
    install.main(["gpu"])
    assert len(commands) == done


def test_other_sets_go_into_the_laptops_environment(install, commands, tmp_path):
    install.main(["peers"])
    assert [c.split("requirements/")[1] for c in commands if "-r " in c] == ["cpu.txt", "peers.txt"]
    assert f"--target {tmp_path / 'venv' / 'peers'}" in commands[-1]
    assert not (tmp_path / "gpu").exists()


def test_sets_beside_the_gpus_go_into_its_environment(install, commands, tmp_path):
    install.main(["gpu", "tools"])
    assert [c.split("requirements/")[1] for c in commands if "-r " in c] == ["gpu.txt", "tools.txt"]
    assert commands[-1].startswith(str(tmp_path / "gpu" / "bin" / "python"))
    assert "--no-deps" in commands[-1] and not (tmp_path / "venv").exists()
    done = len(commands)
    install.main(["gpu", "tools"])
    assert len(commands) == done
    install.main(["tools"])  # of the laptop's, it is another
    assert commands[-1].startswith(str(tmp_path / "venv" / "bin" / "python"))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["gpu", "vllm"], "no lock set vllm beside gpu; there are: real, tools"),
        (["tool"], "no lock set tool beside cpu; there are: peers, real, tools, vllm"),
        (["tools", "gpu"], "no lock set gpu beside cpu"),
    ],
)
def test_a_set_that_is_none_is_named_with_those_there_are(install, commands, given, named):
    with pytest.raises(SystemExit, match=named):
        install.main(given)
    assert not commands


def test_every_lock_set_has_a_file_and_every_file_is_a_lock_set(install):
    files = {path.stem for path in SCRIPT.parent.glob("*.txt")}
    assert files == {"cpu", "gpu", *install.BESIDE["cpu"], *install.BESIDE["gpu"]}


def test_a_changed_lock_file_is_not_installed(install, tmp_path):
    (tmp_path / "venv").mkdir()
    path, digest = install.stamp("peers", "cpu")
    Path(path).write_text(digest)
    assert install.installed("peers", "cpu")
    Path(path).write_text("of an older lock file")
    assert not install.installed("peers", "cpu")


def test_the_script_is_old_syntax():
    # It must get as far as its own message under a wrong Python.
    import ast

    ast.parse(SCRIPT.read_text(), feature_version=(3, 6))

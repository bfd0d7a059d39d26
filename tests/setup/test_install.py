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
    monkeypatch.setattr(module, "PYTHON", str(tmp_path / "python"))
    return module


def test_a_wrong_python_is_named(install, monkeypatch):
    monkeypatch.setattr(sys, "version_info", namedtuple("v", "major minor micro")(3, 9, 1))
    with pytest.raises(SystemExit, match="Python 3.11 is needed and this is 3.9"):
        install.check_machine()


def test_too_little_disk_is_named(install, monkeypatch):
    usage = namedtuple("usage", "total used free")(10**10, 9 * 10**9, 10**9)
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SystemExit, match=r"6 GB of free disk are needed and .* has 1.0 GB"):
        install.check_machine()


def test_a_good_machine_passes(install):
    install.check_machine()


def test_a_changed_lock_file_is_not_installed(install, monkeypatch, tmp_path):
    monkeypatch.setattr(install, "VENV", str(tmp_path))
    path, digest = install.stamp("peers")
    Path(path).write_text(digest)
    assert install.installed("peers")
    Path(path).write_text("of an older lock file")
    assert not install.installed("peers")


def test_the_script_is_old_syntax():
    # It must get as far as its own message under a wrong Python.
    import ast

    ast.parse(SCRIPT.read_text(), feature_version=(3, 6))

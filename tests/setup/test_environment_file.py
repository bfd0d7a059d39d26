"""environment.yml as conda installs it: pip reads its pip section as a requirements file of that folder."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pip._internal.network.session import PipSession
from pip._internal.req import parse_requirements

ROOT = Path(__file__).parents[2]
CONDAS = "condaenv.requirements.txt"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What pip needs of a clone, with the file that conda writes there."""
    for name in ("pyproject.toml", "README.md", "requirements/gpu.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "src" / "gdpo", tmp_path / "src" / "gdpo")
    *_, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (tmp_path / CONDAS).write_text("\n".join(pip["pip"]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_pips_own_parser_reads_it(folder):
    found = list(parse_requirements(CONDAS, session=PipSession()))
    assert [line.requirement for line in found if line.is_editable] == ["."]
    pinned = [line.requirement for line in found if not line.is_editable]
    assert len(pinned) > 300 and all("==" in requirement for requirement in pinned)


def pip_install(*arguments: str) -> None:
    """Run pip in the folder's own environment; skip where it reaches no registry."""
    command = ["venv/bin/python", "-m", "pip", "install", "--upgrade", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode and "connection broken" in done.stderr:
        pytest.skip("no package registry can be reached")
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_pips_own_resolver_finds_a_set_of_packages(folder):
    """Half a minute with a fast registry: pip reads the metadata of all wheels and downloads none."""
    subprocess.run([sys.executable, "-m", "venv", "venv"], check=True)
    pip_install("pip")
    dry_run = ["--dry-run", "--use-feature=fast-deps", "--quiet", "--report", "report.json"]
    pip_install(*dry_run, "--exists-action=b", "-r", CONDAS)
    report = json.loads((folder / "report.json").read_text())
    found = {item["metadata"]["name"].lower(): item["metadata"]["version"] for item in report["install"]}
    assert {"gdpo", "verl", "vllm", "ray"} <= found.keys() and "flash-attn" not in found
    assert found["torch"] == "2.11.0"

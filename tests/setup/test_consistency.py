"""Files that must say the same thing."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def lock(name: str) -> dict[str, str]:
    """Package -> version of a lock file; local version labels (``+cpu``) dropped."""
    pins = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements" / f"{name}.txt").read_text(), re.M)
    return {package.lower().replace("_", "-"): version for package, version in pins}


def exact(requirements: list[str]) -> dict[str, str]:
    """Package -> version of the requirements that are pinned exactly."""
    found = [re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", r) for r in requirements]
    return {m[1].lower(): m[2] for m in found if m}


@pytest.mark.parametrize(("name", "extras"), [("cpu", ["cpu", "slurm", "test"]), ("gpu", ["gpu"])])
def test_lock_files_hold_what_the_project_pins(name, extras):
    pins = exact(PROJECT["dependencies"] + [r for e in extras for r in PROJECT["optional-dependencies"][e]])
    assert len(pins) >= 5
    locked = lock(name)
    assert {package: locked[package] for package in pins} == pins


def test_the_gpu_environment_is_verls_own_set():
    wanted = {
        "torch": "2.11.0",
        "vllm": "0.24.0",
        "transformers": "5.9.0",
        "verl": "0.9.1",
    }
    locked = lock("gpu")
    assert {package: locked[package] for package in wanted} == wanted
    assert {"ray", "wandb", "snakemake"} <= set(locked)
    assert "flash-attn" not in locked  # source only: it would have to be built, with nvcc


def test_the_conda_environment_installs_the_gpu_lock_on_the_projects_python():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    python = next(d for d in conda if d.startswith("python="))
    assert PROJECT["requires-python"] == f"=={python.removeprefix('python=')}.*"
    assert pip["pip"] == ["-r requirements/gpu.txt", "-e ."]


def test_every_make_target_that_the_readme_names_exists():
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text()))
    assert {"demo", "test", "test-fast"} <= named
    for target in named:
        rule = "bench-%" if target.startswith("bench-") else target
        assert re.search(rf"^{rule}:", makefile, re.M), target


def test_the_leaderboards_package_is_the_one_whose_checker_ours_follows():
    version = lock("tools")["bfcl-eval"]
    room = ROOT / "src" / "gdpo" / "tasks" / "tool_calling"
    for file in ("bfcl_checker", "java_values", "javascript_values"):
        assert f"bfcl-eval {version}" in (room / f"{file}.py").read_text().replace("\n", " ")

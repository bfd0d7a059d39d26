"""Who may know whom: each room imports only the rooms it is allowed to."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "gdpo"
ALLOWED = {
    "plugins": set(),
    "advantage": set(),
    "cluster": set(),
    "tasks": set(),
    "statistics": set(),
    "rewards": {"tasks"},
    "config": {"advantage", "rewards"},
    "data": {"config", "tasks"},
    "sampling": {"config", "data", "tasks", "rewards", "model_folder"},
    "starting_model": {"config", "data", "tasks", "sampling", "model_folder"},
    "verl_plugin": {
        "advantage",
        "tasks",
        "rewards",
        "cluster",
        "config",
        "sampling",
        "statistics",
        "model_folder",
        "provenance",
        "run_state",
        "step_log",
    },
    "plugin_check": {"advantage", "config", "tasks", "rewards", "sampling", "statistics"},
    "reporting": {"statistics", "advantage"},
    "rehearsal": {
        "config",
        "data",
        "tasks",
        "sampling",
        "starting_model",
        "statistics",
        "reporting",
        "model_folder",
    },
}
# How files are written and read: every room may know.
FILES = {"whole_file", "parquet", "manifest", "checkpoints"}
# How a user's own parts come in: every room may know.
REGISTRIES = {"plugins"}


def imports(room: str) -> set[str]:
    """Top-level names that a room's modules import, ``gdpo.x`` as ``gdpo.x``."""
    names = set()
    for path in (SOURCE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [node.module]
            names |= {".".join(m.split(".")[: 2 if m.startswith("gdpo.") else 1]) for m in modules}
    return names


def test_every_room_is_listed():
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert rooms == set(ALLOWED)


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_knows_only_its_neighbours(room):
    ours = {name.removeprefix("gdpo.") for name in imports(room) if name.startswith("gdpo.")}
    assert ours - {room} - FILES - REGISTRIES <= ALLOWED[room]


@pytest.mark.parametrize("room", sorted(set(ALLOWED) - {"verl_plugin"}))
def test_only_the_plugin_imports_verl_or_ray(room):
    assert not imports(room) & {"verl", "ray", "transfer_queue", "tensordict"}


@pytest.mark.parametrize("room", ALLOWED)
def test_no_room_knows_snakemake(room):
    assert "snakemake" not in imports(room)


def test_an_experiment_is_read_without_torch():
    # Every snakemake call reads it, and torch alone would take longer than all the rest.
    code = "import sys, gdpo.config.experiment; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

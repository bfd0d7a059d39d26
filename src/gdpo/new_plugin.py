"""A starting file of each kind of plug-in, with a test beside it: ``gdpo new``."""

import ast
import importlib.util
import keyword
import os
import re
import sys
from pathlib import Path
from typing import Literal, get_args

from gdpo.config.datasets import MIRROR
from gdpo.plugins import PluginError
from gdpo.plugins.loading import load_from_environment
from gdpo.plugins.registry import ALL
from gdpo.whole_file import write_text

Kind = Literal["reward", "method", "grader", "task", "source", "metric", "figure", "dataset"]
TEMPLATES = Path(__file__).with_name("templates")
"""Complete files; ``NAME`` in them stands for the name, ``FILE`` for the file as the experiment names it."""


def write_new(kind: Kind, name: str, folder: Path) -> tuple[list[Path], str]:
    """Write a starting file, and a test of it.

    Args:
        kind: what it registers; ``dataset``: a file of three problems, without a test.
        name: of the file, and of what it registers; lower case, as Python writes function names.
        folder: is made if need be.

    Returns:
        The files, and what to put into the experiment (YAML).

    Raises:
        PluginError: the name is none, or is taken.
        FileExistsError: a file of that name is there; nothing is written.
    """
    if kind not in get_args(Kind):
        raise PluginError(f"no kind {kind!r}; there are: {', '.join(get_args(Kind))}")
    _check_name(kind, name)
    files = {
        folder / target.replace("NAME", name): (TEMPLATES / template).read_text()
        for template, target in _files(kind).items()
    }
    if there := [path for path in files if path.exists()]:
        raise FileExistsError(f"{there[0]} exists; choose another name or folder, or move it away")
    main = next(iter(files))
    shown = main.resolve() if kind == "dataset" and MIRROR in os.environ else main
    filled = {path: _filled(text, name, shown) for path, text in files.items()}
    for path, text in filled.items():
        write_text(path, text)
    if kind == "dataset":
        return list(filled), _filled((TEMPLATES / "dataset.yaml").read_text(), name, shown)
    return list(filled), _experiment_part(filled[main])


def show_new(files: list[Path], experiment: str) -> None:
    """Print what was written, what to put into the experiment, and how to try it."""
    print(f"Written: {', '.join(map(str, files))}\n\nIn the experiment (config/<name>.yaml):\n\n{experiment}")
    if files[0].suffix == ".py":
        print(f"Try it: pytest {files[1]}; gdpo check-plugin {files[0]}")


def _files(kind: Kind) -> dict[str, str]:
    """Template -> file."""
    if kind == "dataset":
        return {"dataset.jsonl": "NAME.jsonl"}
    return {f"{kind}.py": "NAME.py", f"test_{kind}.py": "test_NAME.py"}


def _filled(text: str, name: str, file: Path) -> str:
    return text.replace("NAME", name).replace("FILE", str(file))


def _experiment_part(code: str) -> str:
    """The indented lines of a file's docstring."""
    lines = [line for line in ast.get_docstring(ast.parse(code)).splitlines() if line.startswith("    ")]
    return "\n".join(line[4:] for line in lines) + "\n"


def _check_name(kind: Kind, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise PluginError(
            f"{name!r} is no name: lower-case letters, digits and _ are allowed, a letter first"
        )
    load_from_environment()
    if kind in ALL and name in ALL[kind]:
        place = ALL[kind].place(name)
        raise PluginError(f"there is a {kind} {name!r} already ({place}); choose another name")
    if name in sys.stdlib_module_names or importlib.util.find_spec(name):
        raise PluginError(
            f"{name!r} is the name of a Python module, which the file would hide; choose another"
        )

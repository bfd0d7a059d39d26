"""Hugging Face model folders with a manifest: written whole or not at all, known by their content."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gdpo.manifest import MANIFEST, checksums, first_damage

MARK = ".gdpo-model"
"""A file that says the folder is ours to replace, also where Snakemake has deleted the manifest."""


def write_model_folder(
    out_dir: Path, fill: Callable[[Path], None], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Let ``fill`` write the model's files and put a manifest beside them; return the manifest.

    Args:
        out_dir: the folder to make; an older one of ours is replaced.
        fill: writes model and tokenizer into the folder it is given.
        facts: what else the manifest says (how the model was made, what was measured).

    Raises:
        ValueError: ``out_dir`` is a file, or a non-empty folder that this command did not make.
    """
    check_replaceable(out_dir)
    partial = out_dir.with_name(f".{out_dir.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        fill(partial)
        manifest = {**facts, "files": checksums(partial)}
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        (partial / MARK).touch()
        # A folder cannot be replaced in one move: an interruption here leaves no folder, never half of one.
        if out_dir.exists():
            shutil.rmtree(out_dir)
        partial.replace(out_dir)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def check_replaceable(out_dir: Path) -> None:
    """Refuse to replace what is not a model folder of ours; call it before hours of work, not after.

    Raises:
        ValueError: ``out_dir`` is a file, or a non-empty folder that this command did not make.
    """
    if out_dir.is_file() or (out_dir.is_dir() and any(out_dir.iterdir()) and not (out_dir / MARK).is_file()):
        raise ValueError(f"{out_dir} exists and holds no model made by this command; name another folder")


def model_hash(folder: Path) -> str:
    """SHA-256 of a model folder's content, as its manifest lists it: equal files, equal hash.

    Raises:
        FileNotFoundError: the folder has no manifest, so it was not made whole.
        ValueError: a file is missing or damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"{folder}: no {MANIFEST}; make the model with this pipeline first")
    files = json.loads(path.read_text())["files"]
    if problem := first_damage(folder, files):
        raise ValueError(f"{folder}: {problem}; remove the folder and make the model again")
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()

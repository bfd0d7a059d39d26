"""Checksums of a folder's files: taken once they are on the disk, compared before they are used."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

MANIFEST = "manifest.json"
"""Name of a folder's manifest, which does not list itself."""


def checksums(folder: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of every file below ``folder``, each put on the disk first."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {str(path.relative_to(folder)): _sha256(path, sync=True) for path in paths}


def first_damage(folder: Path, files: Mapping[str, str]) -> str | None:
    """What is wrong with the first file that is not as it was; None if all are. Reads every byte."""
    for name, checksum in files.items():
        if not (folder / name).is_file():
            return f"{name} is missing"
        if _sha256(folder / name) != checksum:
            return f"{name} is damaged (another checksum)"
    return None


def _sha256(path: Path, sync: bool = False) -> str:
    with path.open("rb") as file:
        if sync:
            os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()

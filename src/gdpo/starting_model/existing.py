"""Models that exist already: in a local Hugging Face folder, or on the hub."""

import os
import shutil
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

from gdpo.config.models import FolderModel, HubModel
from gdpo.model_folder import write_model_folder

FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
"""Weights as safetensors only, configuration and tokenizer: nothing that runs when it is loaded."""


def take_folder(section: FolderModel, out: Path) -> dict[str, Any]:
    """Take a local model folder over; return the manifest.

    Raises:
        ValueError: the folder is missing or is not a model.
    """
    if problem := section.problem():
        raise ValueError(problem)
    folder = Path(section.path)
    return write_model_folder(out, lambda target: _take(folder, target), {"folder": str(folder)})


def fetch_model(section: HubModel, out: Path) -> dict[str, Any]:
    """Fetch a model from the hub, or from its cache under HF_HOME; return the manifest.

    Raises:
        ValueError: the hub has no such model or cannot be reached; the message says what to do.
    """
    try:
        folder = Path(snapshot_download(section.repo, revision=section.revision, allow_patterns=list(FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        raise ValueError(
            f"{section.repo} at {section.revision}: not in the cache under HF_HOME, and the hub gave: "
            f"{str(error).splitlines()[0]}; where there is network, run "
            f"`hf download {section.repo} --revision {section.revision}` with the same HF_HOME (HF_TOKEN for "
            "a gated model), or name a local copy with weights: {source: folder, path: ...}"
        ) from error
    facts = {"repo": section.repo, "commit": folder.name}
    return write_model_folder(out, lambda target: _take(folder, target), facts)


def _take(folder: Path, target: Path) -> None:
    """Hard links where the file system allows: weights of gigabytes need not be there twice."""
    for pattern in FILES:
        for file in folder.glob(pattern):
            if file.name == "manifest.json":
                continue
            source = file.resolve()
            try:
                os.link(source, target / file.name)
            except OSError:
                shutil.copyfile(source, target / file.name)

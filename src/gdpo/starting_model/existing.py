"""Models that exist already: in a local Hugging Face folder, or on the hub."""

import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

from gdpo.config.models import NO_PICKLES, FolderModel, HubModel
from gdpo.model_folder import write_model_folder

log = logging.getLogger(__name__)

FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
"""Weights as safetensors only, configuration and tokenizer: nothing that runs when it is loaded."""
AUTO_MAP = "auto_map"
"""Key of a configuration file that names Python code, in the folder or in another repository."""


def take_folder(section: FolderModel, out: Path) -> dict[str, Any]:
    """Take a local model folder over; return the manifest.

    Raises:
        ValueError: the folder is missing, is not a model, or needs code of its own to be loaded.
    """
    if problem := section.problem():
        raise ValueError(problem)
    folder = Path(section.path)
    check_no_code(folder, str(folder), {path.name for path in folder.glob("*.safetensors")})
    return write_model_folder(out, lambda target: _take(folder, target), {"folder": str(folder)})


def fetch_model(section: HubModel, out: Path) -> dict[str, Any]:
    """Fetch a model from the hub, or from its cache under HF_HOME; return the manifest.

    Raises:
        ValueError: the hub has no such model or cannot be reached, or it needs code of its own to be loaded;
            the message says what to do.
    """
    try:
        folder = Path(snapshot_download(section.repo, revision=section.revision, allow_patterns=list(FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        raise ValueError(hub_problem(section, error)) from error
    weights = {path.name for path in folder.glob("*.safetensors")}
    check_no_code(folder, f"{section.repo} at {section.revision}", weights)
    facts = {"repo": section.repo, "commit": folder.name}
    return write_model_folder(out, lambda target: _take(folder, target), facts)


def hub_problem(section: HubModel, error: Exception) -> str:
    """What a user can do where the hub gave an error."""
    return (
        f"{section.repo} at {section.revision}: not in the cache under HF_HOME, and the hub gave: "
        f"{str(error).splitlines()[0]}; where there is network, run "
        f"`hf download {section.repo} --revision {section.revision}` with the same HF_HOME (HF_TOKEN for "
        "a gated model), or name a local copy with weights: {source: folder, path: ...}"
    )


def check_no_code(folder: Path, name: str, weights: set[str]) -> None:
    """Refuse a model that cannot be loaded without running what came with it.

    Args:
        folder: its files; the weights themselves are not read.
        name: what an error calls it.
        weights: names of its safetensors files.

    Raises:
        ValueError: weights are pickles, or its class is its own and none of transformers.
    """
    if not weights:
        raise ValueError(f"{name} has no *.safetensors; {NO_PICKLES}")
    for index in folder.glob("*.safetensors.index.json"):
        named = _read(index).get("weight_map", {}).values()
        if other := sorted({str(file) for file in named} - weights):
            raise ValueError(f"{name}: {index.name} names {other[0]}, which is no *.safetensors of the model")
    config = _read(folder / "config.json")
    if AUTO_MAP in config:
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

        if (kind := config.get("model_type")) not in CONFIG_MAPPING_NAMES:
            raise ValueError(
                f"{name}: config.json names code of its own ({AUTO_MAP}), and the installed transformers "
                f"has no class for model_type {kind!r}; code that comes with a model is not run: "
                "choose a model that transformers knows, or install a version that knows it"
            )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not readable as JSON ({error}); get the model again") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: must be an object, not {type(found).__name__}; get the model again")
    return found


def _take(folder: Path, target: Path) -> None:
    """Hard links where the file system allows: weights of gigabytes need not be there twice."""
    for pattern in FILES:
        for file in folder.glob(pattern):
            if file.name == "manifest.json":
                continue
            source = file.resolve()
            if file.name.endswith("config.json") and AUTO_MAP in (config := _read(file)):
                log.info("%s: left out %s, which names code; it is not run", file.name, AUTO_MAP)
                del config[AUTO_MAP]
                (target / file.name).write_text(json.dumps(config, indent=2) + "\n")
                continue
            try:
                os.link(source, target / file.name)
            except OSError:
                shutil.copyfile(source, target / file.name)

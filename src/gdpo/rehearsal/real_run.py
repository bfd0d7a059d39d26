"""What would stop the real run, as far as its config and this machine tell."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from gdpo.config.experiment import Experiment
from gdpo.config.site import Site, site_file

CHECKPOINT_BYTES = 16
"""Of a parameter in a checkpoint: fp32 weights, Adam's two moments, and the exported weights."""


def real_run_problems(
    real: Experiment, site: Site | None, submits: bool, places: Mapping[str, str]
) -> list[str]:
    """Problems in the order in which the real run would meet them, a sentence each.

    Args:
        real: the experiment itself.
        site: the cluster, if there is one.
        submits: whether the profile submits its jobs.
        places: where checkpoints go.
    """
    found = []
    on_cuda = any(run.config.hardware.platform == "cuda" for run in real.runs.values())
    if on_cuda and not submits:
        found.append(
            "the trainings need GPUs, and this profile runs them on this machine: rehearse with the "
            "cluster's (--profile slurm-a100)"
        )
    elif on_cuda and site and (problem := site.environment.cuda_problem()):
        found.append(f"{site_file()}: {problem}")
    if problem := disk_problem(real, Path(places["checkpoints"])):
        found.append(problem)
    return found


def checkpoints_gb(real: Experiment) -> float | None:
    """GB (10^9 bytes) of all checkpoints that the study keeps; None where a model's shape is not given."""
    total = 0.0
    for run in real.runs.values():
        shape = real.config.models[run.model].shape
        if shape is None:
            return None
        # One more while a new one is written, one for the best validation.
        kept = run.config.training.keep_checkpoints + (2 if run.config.training.validate_every else 1)
        total += kept * shape.parameters * CHECKPOINT_BYTES / 1e9
    return total


def disk_problem(real: Experiment, folder: Path) -> str | None:
    """Too little room for the study's checkpoints, or None."""
    needed = checkpoints_gb(real)
    there = next(parent for parent in (folder.resolve(), *folder.resolve().parents) if parent.exists())
    free = shutil.disk_usage(there).free / 1e9
    if needed is None or needed < free:
        return None
    return (
        f"{there} has {free:,.0f} GB free, and the checkpoints that the study keeps take up to "
        f"{needed:,.0f} GB: name a larger place (places.checkpoints in site.yaml, or CKPT_DIR), or lower "
        "training.keep_checkpoints"
    )

"""Checkpoints of a training run: sealed when whole, checked before use, pruned by policy.

A run's folder holds one ``global_step_<n>`` folder a checkpoint. A mark in it says that it is being written;
its manifest is written last, and a file whose checksum is not the manifest's is damaged.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from gdpo.manifest import MANIFEST, checksums, first_damage
from gdpo.whole_file import write_text

TRACKER = "latest_checkpointed_iteration.txt"
"""veRL's file with the step of its newest checkpoint."""
_MARK = "being-written"
_PREFIX = "global_step_"


class CheckpointError(ValueError):
    """No checkpoint can be used; the message names each and what is wrong with it."""


def step_folder(run_folder: Path, step: int) -> Path:
    """Where veRL writes the checkpoint of a step."""
    return run_folder / f"{_PREFIX}{step}"


def begin(folder: Path) -> None:
    """Make the folder of a checkpoint that is about to be written."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()


def seal(folder: Path, score: float | None = None) -> None:
    """Put a checkpoint's files on the disk, write the manifest and take the mark away.

    Args:
        folder: a checkpoint to which nothing is added any more.
        score: how good it is (higher is better), for :func:`prune`.
    """
    files = checksums(folder)
    files.pop(_MARK, None)
    manifest = {"score": score, "files": files}
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    # Last: with neither, a checkpoint would be taken for one from before there were seals, and go unchecked.
    (folder / _MARK).unlink(missing_ok=True)


def damage(folder: Path) -> str | None:
    """The first file of a sealed checkpoint that is missing or not as it was; None if it is whole.

    Reads every byte.
    """
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
    except FileNotFoundError:
        return f"{MANIFEST} is missing"
    except (ValueError, KeyError, TypeError) as error:
        return f"{MANIFEST} cannot be read ({error})"
    return first_damage(folder, files)


def newest_step(run_folder: Path) -> int:
    """Step of the newest sealed checkpoint; 0 where there is none. Reads no weights."""
    return max(_candidates(run_folder), default=0)


def use_newest(run_folder: Path, say: Callable[[str], None]) -> int:
    """Step of the newest checkpoint that is whole; 0 where there never was one.

    Newer half-written folders are removed. Damaged ones are set aside: nothing takes them for whole again.

    Args:
        run_folder: the run's checkpoints.
        say: tells what was found, a sentence a call.

    Raises:
        CheckpointError: there are checkpoints, and none is whole: never a silent start from zero.
    """
    candidates, problems = _candidates(run_folder), {}
    for step, folder in _folders(run_folder).items():
        if step > max(candidates, default=0):
            shutil.rmtree(folder)
    for step in sorted(candidates, reverse=True):
        folder = step_folder(run_folder, step)
        sealed = (folder / MANIFEST).exists()
        problem = damage(folder) if sealed else None
        if problem is None:
            if not sealed:
                say(f"the checkpoint of step {step} has no checksums and is used unchecked")
            for bad, found in problems.items():
                aside = _set_aside(step_folder(run_folder, bad))
                say(f"the checkpoint of step {bad} is damaged ({found}): going on from step {step}; "
                    f"it is kept as {aside.name}")  # fmt: skip
            return step
        problems[step] = problem
    if problems:
        listed = "; ".join(f"step {step}: {problem}" for step, problem in problems.items())
        raise CheckpointError(
            f"{run_folder}: no checkpoint is whole ({listed}). Restore one from a copy, or remove the folder "
            "to train from the start"
        )
    return 0


def prune(run_folder: Path, keep: int) -> None:
    """Remove checkpoints but the newest ``keep`` sealed ones and the best of those with a score."""
    sealed = {step: folder for step, folder in _folders(run_folder).items() if (folder / MANIFEST).exists()}
    kept = set(sorted(sealed)[-keep:])
    scores = {step: _score(folder) for step, folder in sealed.items()}
    if scored := {step: score for step, score in scores.items() if score is not None}:
        kept.add(max(scored, key=lambda step: (scored[step], step)))
    for step in set(sealed) - kept:
        # The manifest first: what is left of an interrupted removal is a half-written folder.
        (sealed[step] / MANIFEST).unlink()
        shutil.rmtree(sealed[step])


def _candidates(run_folder: Path) -> set[int]:
    """Steps of sealed checkpoints, and veRL's newest where it was written before there were seals."""
    folders = _folders(run_folder)
    found = {step for step, folder in folders.items() if (folder / MANIFEST).exists()}
    tracker = run_folder / TRACKER
    text = tracker.read_text().strip() if tracker.exists() else ""
    if text.isdigit() and int(text) in folders and not (folders[int(text)] / _MARK).exists():
        found.add(int(text))
    return found


def _folders(run_folder: Path) -> dict[int, Path]:
    steps = {path.name.removeprefix(_PREFIX): path for path in run_folder.glob(f"{_PREFIX}*")}
    return {int(step): path for step, path in steps.items() if step.isdigit()}


def _score(folder: Path) -> float | None:
    try:
        return json.loads((folder / MANIFEST).read_text())["score"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # damaged, which only matters when it is used


def _set_aside(folder: Path) -> Path:
    names = (folder.with_name(f"damaged-{folder.name}-{i}") for i in range(1, 1000))
    aside = next(name for name in names if not name.exists())
    return folder.rename(aside)

"""What each arm of an experiment changes, and against which arm."""

from collections.abc import Iterable
from typing import NamedTuple

from gdpo.config.differences import compare_configs
from gdpo.config.runs import Run


class Ablation(NamedTuple):
    """One arm beside the arm it is measured against."""

    reference: str
    """Name of that arm; empty for an experiment's first arm of a starting model."""
    changed: str
    """``key: old -> new``, comma-separated; another method is its name alone, its settings are its own."""


def ablations(runs: Iterable[Run]) -> dict[str, Ablation]:
    """Arm -> what it changes, from the resolved configs of the arms' first runs.

    An arm is measured against the first arm of its starting model and method; the first arm of a method
    against the first arm of the starting model.
    """
    first = {run.arm: run for run in reversed(list(runs))}
    arms = dict(reversed(first.items()))
    found = {}
    for arm, run in arms.items():
        same_start = [other for other in arms.values() if other.model == run.model]
        same_method = [other for other in same_start if other.config.method == run.config.method]
        reference = same_method[0] if same_method[0].arm != arm else same_start[0]
        found[arm] = (
            Ablation("", "") if reference.arm == arm else Ablation(reference.arm, _changed(reference, run))
        )
    return found


def _changed(reference: Run, run: Run) -> str:
    differences = compare_configs(reference.resolved, run.resolved)
    if reference.config.method != run.config.method:
        differences = [d for d in differences if not d[0].startswith("algorithm")]
    return ", ".join(f"{key}: {old} -> {new}" for key, old, new in differences)

"""The check that a new version of the estimators never trains finished runs again unasked."""

import json
from pathlib import Path

from gdpo.config.errors import ConfigError
from gdpo.config.experiment import Experiment

VERSION = "algorithm_version"


def check_estimator_version(experiment: Experiment, results: Path) -> None:
    """Stop where runs are finished but for the version of the estimators.

    Args:
        experiment: the experiment.
        results: its folder of results.

    Raises:
        ConfigError: runs were trained with another version; the message says how to train them again.
    """
    outdated = {}
    for id, run in experiment.runs.items():
        if (results / "runs" / id / "summary.json").exists():
            continue
        for summary in (results / "runs").glob(f"{run.name}-????????/summary.json"):
            config = summary.with_name("config.json")
            old = json.loads(config.read_text()) if config.exists() else {}
            if old != run.resolved and {**old, VERSION: None} == {**run.resolved, VERSION: None}:
                outdated[run.name] = old[VERSION]
    if outdated:
        old = ", ".join(map(str, sorted(set(outdated.values()))))
        new = next(iter(experiment.runs.values())).config.algorithm_version
        raise ConfigError(
            f"{VERSION}: trained with version {old} of the estimators, and this code has version {new} "
            f"(docs/methods.md says what changed): {', '.join(outdated)}; add retrain=true to --config to "
            "train again, or go back to the older code"
        )

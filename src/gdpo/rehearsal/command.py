"""``gdpo rehearse``: Snakemake with the study's own profile, then what was found."""

import json
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from gdpo.config.experiment import load_experiment
from gdpo.config.recipe import parse_changes, set_argument
from gdpo.rehearsal.experiment import FOLDER


def rehearse_study(experiment: str, changes: Sequence[str], profile: str) -> int:
    """Rehearse an experiment and print its findings; return Snakemake's exit code.

    Args:
        experiment: name of a file in ``config``.
        changes: ``KEY=VALUE`` from the command line.
        profile: Snakemake profile.

    Raises:
        ConfigError: the experiment is wrong; nothing is run.
    """
    load_experiment(Path("config", f"{experiment}.yaml"), parse_changes(changes))
    settings = [f"experiment={experiment}", "rehearse=true"]
    settings += [set_argument(changes)] if changes else []
    command = ["snakemake", "--profile", profile, "--config", *settings]
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"$ {escape(shlex.join(command))}")
    if code := subprocess.call(command):
        return code
    folder = Path("results", FOLDER, experiment)
    found = json.loads((folder / "rehearsal.json").read_text())["would_stop"]
    for problem in found:
        console.print(f"[bold red]would stop the real run:[/] {escape(problem)}")
    count = f"{len(found)} thing{'s' * (len(found) != 1)}" if found else "nothing seen that"
    console.print(f"Rehearsed {experiment}: {count} would stop the real run. {folder / 'rehearsal.html'}")
    return 0

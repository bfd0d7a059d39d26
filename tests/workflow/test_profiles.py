"""The cluster profiles: which short jobs share a SLURM job."""

import re
from pathlib import Path

import pytest
import yaml

from gdpo.plugins import FIGURES
from gdpo.plugins.loading import load

RULES = Path("workflow/rules")
GROUPS = {"evaluate.smk": "grading", "tables.smk": "report", "figures.smk": "report", "report.smk": "report"}
ALONE = {"sample", "report"}
"""Of those files: one needs a GPU, the other runs on the submit host."""


def rules(file: Path) -> list[str]:
    return re.findall(r"^rule (\w+):", file.read_text(), re.M)


@pytest.mark.parametrize("profile", ["slurm-a100", "slurm-b200"])
def test_each_short_job_shares_a_slurm_job(profile, request, monkeypatch):
    monkeypatch.chdir(request.config.rootpath)
    settings = yaml.safe_load(Path(profile, "config.yaml").read_text())
    grouped = dict(group.split("=") for group in settings["groups"])
    expected = {
        rule: group for file, group in GROUPS.items() for rule in rules(RULES / file) if rule not in ALONE
    }
    # A rule each of the package's own; a plug-in's figure, whose name no profile knows, is a job of its own.
    load([])
    assert grouped == expected | dict.fromkeys(FIGURES, "report")


def test_no_rule_has_a_group_of_its_own(request):
    """Snakemake checks groups in time that grows with the square of their jobs, on a laptop for nothing."""
    for file in request.config.rootpath.glob("workflow/rules/*.smk"):
        assert "group:" not in file.read_text().split(), file.name

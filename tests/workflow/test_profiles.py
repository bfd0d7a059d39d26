"""The cluster profiles: which short jobs share a SLURM job."""

import re
from pathlib import Path

import pytest
import yaml

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
    assert grouped == expected


def test_no_rule_has_a_group_of_its_own(request):
    """Snakemake checks groups in time that grows with the square of their jobs, on a laptop for nothing."""
    for file in request.config.rootpath.glob("workflow/rules/*.smk"):
        groups = re.findall(r"^ *group:\s*(.*)$", file.read_text(), re.M)
        # Figures, of which a plug-in's have names that no profile knows: in one where there is a cluster.
        assert groups == (["FIGURES_GROUP"] if file.name == "figures.smk" else []), file.name
    figures = request.config.rootpath.joinpath("workflow/rules/figures.smk").read_text()
    assert 'FIGURES_GROUP = "report" if GPUS else None' in figures

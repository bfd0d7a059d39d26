"""The rehearsal through ``--profile slurm-a100``, on a real SLURM, with one model of each family."""

import re
import subprocess

import pandas as pd
import pytest
import yaml
from hub_fixtures import SITE

pytestmark = pytest.mark.slow

FEW = ["models.r1-distill-qwen-7b=null", "runs.grpo=null", "runs.dgdo=null"]
FEW += [f"problems.benchmarks.{name}=null" for name in ("aime25", "amc", "amc23", "math500", "minerva")]


def test_the_paper_is_rehearsed_on_slurm(slurm, clone):
    (clone.folder / "site.yaml").write_text(yaml.safe_dump(SITE))
    printed = clone.gdpo("rehearse", "paper", "--profile", "slurm-a100", *FEW)
    # The real trainings' four GPUs were asked of SLURM as well, and the environment for them is missing here.
    assert "would stop the real run: site.yaml: environment: missing" in printed
    main = pd.read_csv(clone.folder / "results/rehearsals/paper/tables/main.csv")
    assert len(main) == 2 * 2 * 2 and main["accuracy"].notna().all()
    shown = subprocess.run(["scontrol", "show", "job", "--oneliner"], capture_output=True, text=True).stdout
    jobs = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in shown.splitlines()]
    trials, mine = [], []
    for job in (job for job in jobs if job.get("WorkDir") == str(clone.folder)):
        (trials if job["JobName"] == "gdpo-trial" else mine).append(job)
    # What the real trainings ask for, tried and cancelled; and what the rehearsal ran.
    assert any("gres:gpu:a100:4" in job["TresPerNode"] for job in trials if "TresPerNode" in job)
    trainings = [job for job in mine if "rule_train" in job["Comment"]]
    assert len(trainings) == 2 and {job["Partition"] for job in trainings} == {"a100"}
    assert {job["JobState"] for job in mine} == {"COMPLETED"}


def test_what_slurm_would_refuse_of_the_real_trainings_stops_the_rehearsal(slurm, clone):
    (clone.folder / "site.yaml").write_text(yaml.safe_dump(SITE))
    # The rehearsal's trainings take one GPU; a node here has four.
    changes = ["hardware.gpus_per_node=8", *FEW]
    with pytest.raises(
        AssertionError, match="gres=gpu:a100:8.*Requested node configuration is not available"
    ):
        clone.gdpo("rehearse", "paper", "--profile", "slurm-a100", *changes)

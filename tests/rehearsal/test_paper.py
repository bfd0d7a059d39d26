"""The paper's study, from a clean copy through a hub: what a user types, at toy size."""

import json
import re

import pandas as pd
import pytest
import yaml
from hub_fixtures import SITE, dataset_reports

from gdpo.config.experiment import load_experiment
from gdpo.parquet import read_table

pytestmark = pytest.mark.slow


def test_the_plan_of_the_readme_needs_no_mirror(clone):
    (clone.folder / "site.yaml").write_text(yaml.safe_dump(SITE))
    printed = clone.gdpo("plan", "paper", "--profile", "slurm-a100")
    assert "27 trainings" in printed and "8 dataset" in printed
    assert re.search(r"device hours in all: [\d,]+", printed)


def test_the_paper_is_rehearsed_through_a_hub(clone, hub):
    hub.requests.clear()
    printed = clone.gdpo("rehearse", "paper")
    folder = clone.folder / "results" / "rehearsals" / "paper"
    _check_data(folder, hub.requests)
    _check_models(folder)
    _check_trainings(folder)
    main = pd.read_csv(folder / "tables" / "main.csv")
    benchmarks = set(load_experiment(clone.folder / "config" / "paper.yaml").config.problems.benchmarks)
    assert len(main) == 12 * len(benchmarks) and set(main["benchmark"]) == benchmarks
    assert main["accuracy"].notna().all() and main["exceed"].notna().all()
    assert main["exceed"].between(0.01, 0.99).any(), "lengths vary around the limit"
    assert {path.suffix for path in (folder / "figures").iterdir()} >= {".png", ".pdf"}
    for name in ("tables/main.md", "tables/paper.tex", "summary.html"):
        assert "REHEARSAL, no result" in (folder / name).read_text()
    page = (folder / "rehearsal.html").read_text()
    assert "A rendered prompt of r1-distill-qwen-1.5b" in page
    # The laptop has no GPU: that is said, and nothing is wrong with models, prompts or data.
    found = json.loads((folder / "rehearsal.json").read_text())["would_stop"]
    assert "need GPUs" in found[0] and not [problem for problem in found if problem.startswith("models.")]
    assert all(problem in printed for problem in found)
    # Apart from real results, in no way taken for them.
    assert {path.name for path in (clone.folder / "results").iterdir() if path.is_dir()} <= {
        "rehearsals",
        "checkpoints",
        "samples",
    }
    assert all(path.name == "rehearsals" for path in (clone.folder / "results/checkpoints").iterdir())


def _check_data(folder, requests) -> None:
    reports = dataset_reports(folder)
    kept = {name: report["kept"] for name, report in reports.items()}
    # As many rows as the real repositories have (of DeepScaleR: 400).
    assert kept["olympiadbench"] == 674 and kept["amc"] == 83 and kept["minerva"] == 272
    assert kept == {"deepscaler": 400, "aime24": 30, "aime25": 30, "amc": 83, "amc23": 40} | {
        "math500": 500,
        "minerva": 272,
        "olympiadbench": 674,
    }
    assert "AI-MO/aimo-validation-amc (commit" in reports["amc"]["origin"]
    matches = pd.read_csv(folder / "problems" / "train.matches.csv")
    assert matches["removed"].sum() == 1, "the benchmark's problem among the training rows"
    assert not [line for line in requests if line.endswith(".safetensors")], "no weights are fetched"


def _check_models(folder) -> None:
    facts = {
        path.parent.name: json.loads(path.read_text()).get("rehearsal")
        for path in (folder / "models").glob("*/manifest.json")
    }
    seen = {name: fact for name, fact in facts.items() if fact}
    assert {name: fact["model_type"] for name, fact in seen.items()} == {
        "r1-distill-qwen-1.5b": "qwen2",
        "r1-distill-qwen-7b": "qwen2",
        "qwen3-4b-instruct": "qwen3",
    }
    assert {name for name, fact in seen.items() if fact["reasoning_open"]} == {
        "r1-distill-qwen-1.5b",
        "r1-distill-qwen-7b",
    }
    for fact in seen.values():
        assert fact["problems"] == [] and fact["prompts"]["train"]["prompts"] == 400
        assert r"\boxed{}" in fact["prompt"]
    assert seen["r1-distill-qwen-1.5b"]["prompt"].endswith("<｜Assistant｜><think>\n")
    # The tiny models are of the real architecture: a qwen2's biases, a qwen3's norms of queries and keys.
    for name, part in (("r1-distill-qwen-7b", "q_proj.bias"), ("qwen3-4b-instruct", "q_norm.weight")):
        assert part.encode() in (folder / "models" / name / "model.safetensors").read_bytes()[:20_000]


def _check_trainings(folder) -> None:
    runs = list((folder / "runs").iterdir())
    assert len(runs) == 9
    varied = {"correctness": 0, "length": 0}
    for run in runs:
        metrics = read_table(run / "metrics.parquet").to_pandas().dropna(subset=["train/reward"])
        assert len(metrics) == 2
        for reward in varied:
            varied[reward] += (metrics[f"reward/{reward}/zero_std_share"] < 1).any()
    assert min(varied.values()) == len(runs), varied

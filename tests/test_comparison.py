"""Comparing two runs whose differences are known."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from gdpo.comparison import compare_runs

LENGTHS = {"a": [10, 30, 30, 30], "b": [10, 10, 30, 50]}
"""Tokens of one sample each of four problems; the limit is 24."""
VERDICTS = {"a": ["correct", "correct", "wrong", "wrong"], "b": ["correct", "correct", "correct", "wrong"]}


def make_run(root: Path, name: str, beta: float, torch: str, limit: int = 24) -> Path:
    folder = root / "demo" / "runs" / name
    folder.mkdir(parents=True)
    config = {
        "algorithm": {"beta": beta},
        "rewards": {"correctness": {"options": {}}, "length": {"options": {"limit": limit}}},
    }
    (folder / "config.json").write_text(json.dumps(config))
    record = {"packages": {"torch": torch, "ray": "2"}, "code": "c0de", "sessions": [{"start": name}]}
    (folder / "provenance.json").write_text(json.dumps(record | {"wandb": {"id": name}}))
    values = [0.0] * 20 + [beta] * 10  # only the last ten steps count
    metrics = {"step": range(1, 31), "reward/length/mean": values, "response_length/mean": values}
    pd.DataFrame(metrics).sample(frac=1, random_state=0).to_parquet(folder / "metrics.parquet")
    scores = root / "demo" / "evaluation" / name / "aime" / "scores.parquet"
    scores.parent.mkdir(parents=True)
    key = "a" if name.startswith("a") else "b"
    columns = {"problem_id": list("pqrs"), "verdict": VERDICTS[key], "n_tokens": LENGTHS[key]}
    columns |= {"answer": "1", "stop_reason": "eos", "format": True}
    pd.DataFrame(columns).to_parquet(scores)
    return folder


@pytest.fixture
def runs(tmp_path):
    return make_run(tmp_path, "a-1", 0.5, "2.13"), make_run(tmp_path, "b-1", 0.8, "2.11")


def test_what_differs_and_nothing_else(runs):
    comparison = compare_runs(*runs)
    assert comparison.config == [("algorithm.beta", 0.5, 0.8)]
    assert comparison.provenance == [("packages.torch", "2.13", "2.11")]
    assert comparison.training.loc["reward/length/mean"].tolist() == pytest.approx([0.5, 0.8])


def test_evaluation_is_b_minus_a_over_the_same_problems(runs):
    found = {pair.metric: pair for pair in compare_runs(*runs).evaluation}
    by_hand = {
        "accuracy": (0.5, 0.75, 0.25),
        "exceed": (0.75, 0.5, -0.25),
        "within_and_correct": (0.25, 0.5, 0.25),
        "response_length": (25, 25, 0),
    }
    assert {name: (pair.a, pair.b, pair.difference) for name, pair in found.items()} == by_hand
    assert all(
        pair.benchmark == "aime" and pair.low <= pair.difference <= pair.high for pair in found.values()
    )


def test_without_one_limit_only_what_needs_none(runs, tmp_path):
    other = make_run(tmp_path, "b-2", 0.5, "2.13", limit=32)
    metrics = [pair.metric for pair in compare_runs(runs[0], other).evaluation]
    assert metrics == ["accuracy", "response_length"]


def test_an_unfinished_run_has_no_results_yet(runs):
    (runs[1] / "metrics.parquet").unlink()
    (runs[1] / "provenance.json").unlink()
    shutil.rmtree(runs[1].parents[1] / "evaluation" / runs[1].name)
    comparison = compare_runs(*runs)
    assert comparison.evaluation == [] and comparison.training["b"].isna().all()


def test_other_problems_of_one_name_are_an_error(runs):
    path = runs[1].parents[1] / "evaluation" / runs[1].name / "aime" / "scores.parquet"
    pd.read_parquet(path).head(3).to_parquet(path)
    with pytest.raises(ValueError, match="aime: not the same problems"):
        compare_runs(*runs)


def test_the_command(runs):
    def compare(*folders: Path) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "gdpo.cli", "compare", *map(str, folders)]
        return subprocess.run(command, capture_output=True, text=True)

    shown = compare(*runs)
    assert shown.returncode == 0, shown.stderr
    assert "algorithm.beta" in shown.stdout and "packages.torch" in shown.stdout
    same = compare(runs[0], runs[0])
    assert "config: no difference" in same.stdout and "provenance: no difference" in same.stdout
    wrong = compare(runs[0], runs[0].parent)
    assert wrong.returncode == 1 and "no config.json; give a run folder" in " ".join(wrong.stderr.split())

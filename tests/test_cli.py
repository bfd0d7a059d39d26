"""The command line as a user types it: the stages before training, and one-line errors."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest


def gdpo(*arguments: str | Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "gdpo.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A training set and a benchmark made by the command line."""
    folder = tmp_path_factory.mktemp("cli")
    for name, split in (("train", "train"), ("easy", "benchmark")):
        section = {"source": "arithmetic", "split": split, "size": 12}
        (folder / f"{name}.json").write_text(json.dumps(section))
        made = gdpo("arithmetic-problems", folder / f"{name}.json", folder / f"{name}.parquet", name)
        assert made.returncode == 0, made.stderr
    return folder


def test_disjoint_sets_pass_and_a_shared_one_fails(folder):
    passed = gdpo("disjoint", folder / "train.parquet", folder / "easy.parquet", folder / "ok.json")
    assert passed.returncode == 0
    assert json.loads((folder / "ok.json").read_text())["benchmark_problems"] == 12
    failed = gdpo("disjoint", folder / "train.parquet", folder / "train.parquet", folder / "bad.json")
    assert failed.returncode == 1 and "shares 12 problems" in failed.stderr
    assert not (folder / "bad.json").exists()


@pytest.fixture(scope="module")
def samples(folder, toy):
    """Two samples of each benchmark problem, drawn by the command line."""
    (folder / "sampling.json").write_text(json.dumps({"n": 2, "max_tokens": 32}))
    path = folder / "samples.parquet"
    drawn = gdpo("sample", toy / "model", folder / "easy.parquet", folder / "sampling.json", path)
    assert drawn.returncode == 0, drawn.stderr
    return path


def test_samples_are_drawn_and_graded(folder, samples):
    scores = folder / "scores.parquet"
    graded = gdpo("score", samples, folder / "easy.parquet", scores)
    assert graded.returncode == 0, graded.stderr
    frame = pd.read_parquet(scores)
    assert len(frame) == 24 and frame.groupby("problem_id")["sample_index"].apply(set).eq({0, 1}).all()
    # Independent of our extraction: a plain last-box search, and integer comparison.
    golds = {
        info["id"]: int(reward["ground_truth"][0])
        for info, reward in pd.read_parquet(folder / "easy.parquet")[
            ["extra_info", "reward_model"]
        ].itertuples(index=False)
    }
    texts = pd.read_parquet(samples)["text"].str.extract(r"boxed\{(-?\d+)\}[^{}]*$")[0]
    expected = [t == t and int(t) == golds[p] for t, p in zip(texts, frame["problem_id"], strict=True)]
    assert (frame["verdict"] == "correct").tolist() == expected


def test_samples_of_other_problems_are_refused(folder, samples):
    failed = gdpo("score", samples, folder / "train.parquet", folder / "no.parquet")
    assert failed.returncode == 1 and "Traceback" not in failed.stderr
    assert "was not asked for" in failed.stderr
    assert not (folder / "no.parquet").exists()


def test_a_missing_file_is_one_line(folder):
    failed = gdpo("arithmetic-problems", folder / "nothing.json", folder / "x.parquet", "x")
    assert failed.returncode != 0 and "nothing.json" in failed.stderr and "Traceback" not in failed.stderr


def test_the_overrides_of_a_run_are_printed():
    printed = gdpo("overrides", "demo", "dgdo", "training.steps=7")
    assert printed.returncode == 0, printed.stderr
    settings = dict(line.split("=", 1) for line in printed.stdout.splitlines())
    assert settings["trainer.total_training_steps"] == "7"
    assert settings["trainer.v1.trainer_mode"] == "gdpo"
    assert settings["data.train_files"] == '"results/demo/problems/train.parquet"'
    unknown = gdpo("overrides", "demo", "ppo")
    assert unknown.returncode == 1 and "no run of demo; it has grpo, gdpo, dgdo" in unknown.stderr

"""The rehearsal with the real vLLM, built for CPUs: a qwen2 model under R1-Distill's own tokenizer."""

import importlib.util
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hub_fixtures import Clone

from gdpo.parquet import read_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("vllm") is None, reason="no vLLM here: make test-vllm installs it"
    ),
]

BENCHMARKS = ("aime25", "amc", "amc23", "math500", "minerva", "olympiadbench")
CHANGES = ["runs.grpo=null", "runs.dgdo=null", "problems.train.decontaminate=null"]
CHANGES += [f"models.{name}=null" for name in ("r1-distill-qwen-7b", "qwen3-4b-instruct")]
CHANGES += [f"problems.benchmarks.{name}=null" for name in BENCHMARKS]
JANUARY = "models={r1-distill-qwen-1.5b: {weights: {revision: january-2025}}}"  # the name has a dot
REVISIONS = {"new": [], "old": [JANUARY]}
"""Of the model: its prompt ends in <think>, or does not."""
LEFT_IN_TMP = re.compile(r"rl-|ckpt_|gdpo-|ray|torchinductor|psm_|[0-9a-f]{8}-[0-9a-f]{4}-")
"""Names that trainings and samplings give to sockets, locks and folders."""


def left_in_tmp() -> set[str]:
    return {path.name for path in Path("/tmp").iterdir() if LEFT_IN_TMP.match(path.name)}


def test_two_rehearsals_side_by_side_under_both_chat_templates(hub, tmp_path):
    before = left_in_tmp()
    clones = {name: Clone(tmp_path / name / "clone", hub) for name in REVISIONS}
    with ThreadPoolExecutor(2) as beside:
        calls = [
            beside.submit(clones[name].gdpo, "rehearse", "paper", *CHANGES, *changes)
            for name, changes in REVISIONS.items()
        ]
        [call.result() for call in calls]
    for name, clone in clones.items():
        folder = clone.folder / "results" / "rehearsals" / "paper"
        manifest = json.loads((folder / "models" / "r1-distill-qwen-1.5b" / "manifest.json").read_text())
        assert manifest["rehearsal"]["reasoning_open"] == (name == "new")
        (run,) = (folder / "runs").iterdir()
        metrics = read_table(run / "metrics.parquet").to_pandas().dropna(subset=["train/reward"])
        # vLLM got this run's weights, not the other's: its log-probs are the trainer's.
        assert len(metrics) == 2 and metrics["training/rollout_probs_diff_max"].max() < 1e-3
        assert (metrics["reward/correctness/zero_std_share"] < 1).any()
        assert (metrics["reward/length/zero_std_share"] < 1).any()
        samples = list(folder.glob("evaluation/*/aime24/samples.parquet"))
        assert len(samples) == 2
        assert {backend for path in samples for backend in read_table(path)["backend"].to_pylist()} == {
            "vllm"
        }
    assert left_in_tmp() <= before

"""The rehearsal with the real vLLM, built for CPUs: a qwen2 model under R1-Distill's own tokenizer."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from gdpo.parquet import read_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("vllm") is None, reason="no vLLM here: make test-vllm installs it"
    ),
]

OLD = "{source: hub, repo: deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B, revision: january-2025}"
CHANGES = [
    "models.r1-distill-qwen-7b=null",
    "models.qwen3-4b-instruct=null",
    f"models.r1-old.weights={OLD}",
    "runs.grpo=null",
    "runs.dgdo=null",
    *(f"problems.benchmarks.{name}=null" for name in ("aime25", "amc", "amc23", "minerva", "olympiadbench")),
    "problems.train.decontaminate=null",
    "problems.benchmarks.math500=null",
]
LEFT_IN_TMP = re.compile(r"rl-|ckpt_|gdpo-|ray|torchinductor|psm_|[0-9a-f]{8}-[0-9a-f]{4}-")
"""Names that a training gives to sockets, locks and folders."""


def of_a_training() -> set[str]:
    return {path.name for path in Path("/tmp").iterdir() if LEFT_IN_TMP.match(path.name)}


def test_two_trainings_side_by_side_under_both_chat_templates(clone):
    before = of_a_training()
    clone.gdpo("rehearse", "paper", *CHANGES)
    folder = clone.folder / "results" / "rehearsals" / "paper"
    facts = {
        name: json.loads((folder / "models" / name / "manifest.json").read_text())["rehearsal"]
        for name in ("r1-distill-qwen-1.5b", "r1-old")
    }
    assert {name: fact["reasoning_open"] for name, fact in facts.items()} == {
        "r1-distill-qwen-1.5b": True,
        "r1-old": False,
    }
    runs = list((folder / "runs").iterdir())
    assert len(runs) == 2
    for run in runs:
        metrics = read_table(run / "metrics.parquet").to_pandas().dropna(subset=["train/reward"])
        # vLLM got this run's weights, not the other's: its log-probs are the trainer's.
        assert len(metrics) == 2 and metrics["training/rollout_probs_diff_max"].max() < 1e-3
        assert (metrics["reward/correctness/zero_std_share"] < 1).any()
        assert (metrics["reward/length/zero_std_share"] < 1).any()
    (samples,) = folder.glob("evaluation/r1-old/*/samples.parquet")
    assert set(read_table(samples)["backend"].to_pylist()) == {"vllm"}
    assert of_a_training() <= before

"""Made-up experiments of the sizes that figures and tables must hold: from the demo to the paper's."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gdpo.reporting.tables import Evaluated, Settings, arms_table, main_table, paired_table

PAPER = ("r1-distill-qwen-1.5b", "r1-distill-qwen-7b", "qwen3-4b-instruct")
# Benchmark -> how hard it is: the share of problems solved sinks and responses grow.
PAPER_BENCHMARKS = {
    "aime24": 0.9,
    "aime25": 1.0,
    "amc": 0.5,
    "amc23": 0.45,
    "math500": 0.1,
    "minerva": 0.7,
    "olympiadbench": 0.6,
}
DEMO_BENCHMARKS = {"arithmetic": 0.3, "arithmetic-hard": 0.7}
ABLATION_ARMS = {
    "grpo": "grpo",
    "dr-grpo": "grpo",
    "gdpo-default": "gdpo",
    "gdpo-tokens": "gdpo",
    "gdpo-no-batch-step": "gdpo",
    "gdpo-no-std": "gdpo",
    "gdpo-length-weight-0.5": "gdpo",
    "gdpo-length-weight-0.25": "gdpo",
    "gdpo-conditioned-length": "gdpo",
}
WEIGHTS = (1, 0.75, 0.5, 0.25)
SWEEP_ARMS = {
    f"{method}-{kind}-{weight}": method
    for method in ("grpo", "gdpo")
    for kind in ("plain", "conditioned")
    for weight in WEIGHTS
}
TOOLS = ("qwen2.5-1.5b-instruct", "qwen2.5-3b-instruct")
TOOL_ARMS = {"grpo": "grpo", "grpo-no-std": "dr_grpo", "gdpo": "gdpo", "dgdo": "dgdo"}
METHODS = {method: method for method in ("grpo", "gdpo", "dgdo")}
PROBLEMS, SAMPLES = 12, 4


class Size(NamedTuple):
    """What an experiment is made of."""

    starts: tuple[str, ...]
    arms: dict[str, str]
    """Arm, without the model's name -> method."""
    seeds: int
    benchmarks: dict[str, float]
    limit: int


SIZES = {
    "demo": Size(("toy",), METHODS, 1, DEMO_BENCHMARKS, 24),
    "demo, three seeds": Size(("toy",), METHODS, 3, DEMO_BENCHMARKS, 24),
    "ablation": Size(("toy",), ABLATION_ARMS, 1, DEMO_BENCHMARKS, 24),
    "laptop": Size(("toy", "toy-narrow", "toy-deep"), METHODS, 3, DEMO_BENCHMARKS, 24),
    "paper": Size(PAPER, METHODS, 3, PAPER_BENCHMARKS, 4000),
    "tools": Size(TOOLS, TOOL_ARMS, 5, {"toolrl-test": 0.4, "bfcl-non-live": 0.6, "bfcl-live": 0.5}, 1024),
    "weights": Size(PAPER[1:2], SWEEP_ARMS, 1, PAPER_BENCHMARKS, 4000),
}


class Made(NamedTuple):
    """An experiment's tables and samples, as its rules make them."""

    arms: pd.DataFrame
    main: pd.DataFrame
    paired: pd.DataFrame
    scores: pd.DataFrame
    settings: Settings


def models(size: Size) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every model with its facts, starting models first."""
    for start in size.starts:
        facts = {"run": start, "config": "", "arm": start, "method": "start"}
        yield start, facts | {"start": start, "length": ""}
    for arm, method in size.arms.items():
        for start in size.starts:
            name = arm if len(size.starts) == 1 else f"{arm}-{start}"
            for seed in range(1, size.seeds + 1):
                facts = {"run": f"{name}-seed{seed}", "config": "0a1b2c3d", "arm": name, "method": method}
                facts |= {"start": start, "length": "conditioned" if "conditioned" in arm else "plain"}
                yield f"{name}-seed{seed}-0a1b2c3d", facts


def samples(hard: float, method: str, limit: int, random: np.random.Generator) -> pd.DataFrame:
    """Scored samples of one model on one benchmark: trained models are shorter and a little better."""
    rate = np.clip(0.95 - 0.7 * hard + 0.05 * (method != "start") + random.normal(0, 0.2, PROBLEMS), 0, 1)
    shorter = {"start": 1 + 2.5 * hard, "grpo": 0.6, "dr_grpo": 0.6, "gdpo": 0.4, "dgdo": 0.5}
    typical = limit * (shorter[method] + 0.1 * hard)
    longest = (8 if limit > 1000 else 2) * limit
    count = PROBLEMS * SAMPLES
    tokens = np.minimum(typical * random.lognormal(0, 0.3, count), longest).astype(int)
    return pd.DataFrame(
        {
            "problem_id": np.repeat([f"p{i}" for i in range(PROBLEMS)], SAMPLES),
            "verdict": np.where(random.random(count) < np.repeat(rate, SAMPLES), "correct", "wrong"),
            "answer": "1",
            "n_tokens": tokens,
            "stop_reason": np.where(tokens == longest, "length", "eos"),
            "format": True,
        }
    )


@cache
def made(name: str) -> Made:
    """The experiment of :data:`SIZES` by that name, always the same."""
    size, random = SIZES[name], np.random.default_rng(0)
    known = dict(models(size))
    scores = {
        (model, benchmark): samples(hard, facts["method"], size.limit, random)
        for model, facts in known.items()
        for benchmark, hard in size.benchmarks.items()
    }
    settings = Settings(size.limit, 0.95, 50)
    evaluated = Evaluated(scores, known, settings)
    long = [
        frame.assign(benchmark=benchmark, **known[model] | {"run": model})
        for (model, benchmark), frame in scores.items()
    ]
    tables = (arms_table(evaluated), main_table(evaluated), paired_table(evaluated))
    return Made(*tables, pd.concat(long, ignore_index=True), settings)


def training(name: str, steps: int = 120) -> pd.DataFrame:
    """Training metrics of the same experiment's runs: the length reward is soon full, correctness rises."""
    size, random, frames = SIZES[name], np.random.default_rng(0), []
    done = np.arange(1, steps + 1) / steps
    for model, facts in models(size):
        if facts["method"] == "start":
            continue
        columns = {
            "step": np.arange(1, steps + 1),
            "reward/correctness/mean": 0.4 + 0.2 * done + random.normal(0, 0.02, steps),
            "reward/length/mean": 1 - 0.9 * np.exp(-6 * done) + random.normal(0, 0.01, steps),
            "response_length/mean": size.limit * (0.5 + np.exp(-6 * done) + random.normal(0, 0.03, steps)),
            "response_length/max": size.limit * (1 + np.exp(-4 * done) + random.normal(0, 0.05, steps)),
            "dgdo/effective_beta": 0.5 + 0.4 * done,
        }
        for reward, share in (("correctness", 0.5 + 0.3 * done), ("length", 0.5 - 0.3 * done)):
            columns |= {f"dgdo/reward_{reward}/weight": share, f"dgdo/reward_{reward}/instability": share / 2}
        frames.append(pd.DataFrame(columns).assign(**facts | {"run": model, "seed": int(facts["run"][-1])}))
    return pd.concat(frames, ignore_index=True)


def sweep_of(name: str) -> dict[str, dict[str, Any]]:
    """Arm -> kind and weight of its length reward, for the sizes that have a sweep of it."""
    plain = {"gdpo-default": 1, "gdpo-length-weight-0.5": 0.5, "gdpo-length-weight-0.25": 0.25}
    if name == "ablation":
        found = {arm: {"kind": "plain", "weight": weight} for arm, weight in plain.items()}
        return found | {"gdpo-conditioned-length": {"kind": "conditioned", "weight": 1}}
    if name != "weights":
        return {}
    parts = {arm: arm.split("-") for arm in SWEEP_ARMS}
    return {arm: {"kind": kind, "weight": float(weight)} for arm, (_, kind, weight) in parts.items()}

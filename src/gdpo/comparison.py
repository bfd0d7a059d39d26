"""Two finished or interrupted runs side by side: configs, provenance, training and evaluation."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gdpo.config.differences import Difference, compare_configs
from gdpo.config.evaluation import EvaluationConfig
from gdpo.parquet import read_table
from gdpo.provenance import read_provenance
from gdpo.statistics.intervals import compare
from gdpo.statistics.metrics import problem_values

FINAL_STEPS = 10
"""Newest steps that training values are the mean of."""
METRICS = ("accuracy", "exceed", "within_and_correct", "response_length")
"""Metrics that are compared; the first and the last need no length limit."""
COMPARED = ("algorithm_version", "code", "git", "packages", "machine", "devices", "data", "model")
"""Parts of provenance that can explain a difference between two results."""


class Paired(NamedTuple):
    """One metric of two runs on the same problems of a benchmark."""

    benchmark: str
    metric: str
    a: float
    b: float
    difference: float
    """b - a, over problems; ``low`` and ``high`` are its bootstrap interval."""
    low: float
    high: float


class Comparison(NamedTuple):
    """What differs between run a and run b."""

    config: list[Difference]
    provenance: list[Difference]
    training: pd.DataFrame
    """Columns a and b: means over the final steps, indexed by metric; missing values where a run has none."""
    evaluation: list[Paired]


def compare_runs(a: Path, b: Path) -> Comparison:
    """Compare two run folders, e.g. ``results/demo/runs/dgdo-seed1-3f9a1c2e``.

    Raises:
        ValueError: one is no run folder, or the two were evaluated on other problems of one name.
    """
    configs = [_config(folder) for folder in (a, b)]
    records = [read_provenance(folder) or {} for folder in (a, b)]
    facts = [{key: record[key] for key in COMPARED if key in record} for record in records]
    return Comparison(
        compare_configs(*configs),
        compare_configs(*facts),
        pd.DataFrame({"a": _final_means(a), "b": _final_means(b)}),
        _evaluation(a, b, _limit(configs)),
    )


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.exists():
        raise ValueError(f"{folder}: no config.json; give a run folder, as results/<experiment>/runs/<run>")
    return json.loads(path.read_text())


def _final_means(folder: Path) -> pd.Series:
    """Mean over the final steps of each reward and of the response length; empty before the end."""
    path = folder / "metrics.parquet"
    if not path.exists():
        return pd.Series(dtype=float)
    table = read_table(path).to_pandas().sort_values("step").tail(FINAL_STEPS)
    rewards = [name for name in table if name.startswith("reward/") and name.endswith("/mean")]
    return table[[*rewards, "response_length/mean"]].mean()


def _limit(configs: list[Mapping[str, Any]]) -> int | None:
    """The response-length limit of the rewards, if both configs name the same one and no other."""
    rewards = [reward for config in configs for reward in config["rewards"].values()]
    limits = {reward["options"]["limit"] for reward in rewards if "limit" in reward.get("options", {})}
    return limits.pop() if len(limits) == 1 else None


def _evaluation(a: Path, b: Path, limit: int | None) -> list[Paired]:
    """Every metric on every benchmark that both were scored on; without a limit, those that need none."""
    metrics = METRICS if limit is not None else (METRICS[0], METRICS[-1])
    scores = [_scores(folder) for folder in (a, b)]
    shared = [benchmark for benchmark in scores[0] if benchmark in scores[1]]
    values = {
        benchmark: [problem_values(read_table(s[benchmark]).to_pandas(), limit or 0) for s in scores]
        for benchmark in shared
    }
    return [_paired(benchmark, metric, *values[benchmark]) for benchmark in shared for metric in metrics]


def _scores(folder: Path) -> dict[str, Path]:
    """Benchmark -> scores of a run."""
    paths = (folder.resolve().parents[1] / "evaluation" / folder.name).glob("*/scores.parquet")
    return {path.parent.name: path for path in sorted(paths)}


def _paired(benchmark: str, metric: str, a: pd.DataFrame, b: pd.DataFrame) -> Paired:
    if not a.index.equals(b.index):
        different = len(a.index.symmetric_difference(b.index))
        raise ValueError(f"{benchmark}: not the same problems: {different} are in one only")
    defaults = EvaluationConfig()
    first, second = a[metric].to_numpy(), b[metric].to_numpy()
    found = compare(second, first, defaults.confidence, defaults.resamples)
    means = float(first.mean()), float(second.mean())
    return Paired(benchmark, metric, *means, found.difference, found.low, found.high)


def show_comparison(comparison: Comparison) -> None:
    """Print a table each of what differs in config and provenance, and of training and evaluation."""
    console = Console()
    for title, differences in (("config", comparison.config), ("provenance", comparison.provenance)):
        if differences:
            rows = [[key, _shown(x), _shown(y)] for key, x, y in differences]
            console.print(_table(title, ["key", "A", "B"], rows))
        else:
            console.print(f"{title}: no difference")
    training = [[name, f"{row.a:.3f}", f"{row.b:.3f}"] for name, row in comparison.training.iterrows()]
    if training:
        console.print(
            _table(f"training, mean of the last {FINAL_STEPS} steps", ["metric", "A", "B"], training)
        )
    if comparison.evaluation:
        rows = [
            [
                p.benchmark,
                p.metric,
                f"{p.a:.3f}",
                f"{p.b:.3f}",
                f"{p.difference:+.3f} [{p.low:+.3f}, {p.high:+.3f}]",
            ]
            for p in comparison.evaluation
        ]
        header = ["benchmark", "metric", "A", "B", "B - A [95 % interval, paired by problem]"]
        console.print(_table("evaluation", header, rows))
    else:
        console.print("evaluation: no benchmark on which both runs were scored")


def _shown(value: Any) -> str:
    """A value as text; of a hash its beginning."""
    text = str(value)
    return text[:12] if re.fullmatch("[0-9a-f]{40,}", text) else text


def _table(title: str, header: list[str], rows: list[list[str]]) -> Table:
    table = Table(*header, title=title, title_justify="left")
    for row in rows:
        table.add_row(*map(escape, row))
    for column in table.columns:
        column.overflow = "fold"
    return table

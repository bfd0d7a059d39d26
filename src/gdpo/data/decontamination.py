"""Training problems that a benchmark has as well: found, listed and removed."""

from collections.abc import Mapping

import pandas as pd

from gdpo.config.datasets import Decontamination
from gdpo.data.similarity import similar_pairs
from gdpo.tasks import Gold
from gdpo.tasks.math import grade_all

MATCHES = ["train_id", "benchmark", "benchmark_id", "similarity", "same_answer", "kind", "removed"]
"""Columns of a table of matches; kind is ``exact`` (equal after normalising) or ``near``."""


def find_matches(
    training: pd.DataFrame, benchmarks: Mapping[str, pd.DataFrame], section: Decontamination
) -> pd.DataFrame:
    """Every pair of a training and a benchmark problem that is equal or similar, and whether it is removed.

    Args:
        training: cleaned rows of the training datasets.
        benchmarks: name -> cleaned rows.
        section: thresholds.

    Returns:
        One row a pair, columns ``MATCHES``, the most similar first.
    """
    parts = [_matches(training, name, frame, section) for name, frame in benchmarks.items()]
    found = pd.concat(
        [pd.DataFrame(columns=MATCHES), *(part for part in parts if len(part))], ignore_index=True
    )
    return found.sort_values(["similarity", "train_id"], ascending=[False, True], ignore_index=True)


def _matches(
    training: pd.DataFrame, name: str, frame: pd.DataFrame, section: Decontamination
) -> pd.DataFrame:
    train, bench = training.set_index("id"), frame.set_index("id")
    pairs = similar_pairs(train["problem"].to_dict(), bench["problem"].to_dict(), section.listed)
    table = pd.DataFrame([pair._asdict() for pair in pairs], columns=["one", "other", "similarity"])
    table = table.rename(columns={"one": "train_id", "other": "benchmark_id"})
    marks = train["fingerprint"].reset_index().merge(bench["fingerprint"].reset_index(), on="fingerprint")
    exact = set(zip(marks["id_x"], marks["id_y"], strict=True))
    known = set(zip(table["train_id"], table["benchmark_id"], strict=True))
    missed = [{"train_id": a, "benchmark_id": b, "similarity": 1.0} for a, b in sorted(exact - known)]
    table = pd.concat([table, pd.DataFrame(missed, columns=table.columns)]) if missed else table
    keys = list(zip(table["train_id"], table["benchmark_id"], strict=True))
    table["benchmark"] = name
    table["kind"] = ["exact" if key in exact else "near" for key in keys]
    table["same_answer"] = _same_answers([(train.loc[a], bench.loc[b]) for a, b in keys])
    near = table["similarity"] >= section.threshold
    near |= (table["similarity"] >= section.threshold_same_answer) & table["same_answer"]
    table["removed"] = (table["kind"] == "exact") | near
    table["similarity"] = table["similarity"].round(3)
    return table[MATCHES]


def _same_answers(rows: list[tuple[pd.Series, pd.Series]]) -> list[bool]:
    """Whether the gold answers of each pair agree: as mathematics, or of another task as texts."""
    boxed = [rf"\boxed{{{', '.join(one['answers'])}}}" for one, _ in rows]
    golds = [Gold(tuple(other["answers"]), other["several"]) for _, other in rows]
    math = [index for index, pair in enumerate(rows) if not any(map(_of_another_task, pair))]
    verdicts = grade_all([boxed[i] for i in math], [golds[i] for i in math])
    same = [sorted(one["answers"]) == sorted(other["answers"]) for one, other in rows]
    for index, verdict in zip(math, verdicts, strict=True):
        same[index] = verdict.verdict == "correct"
    return same


def _of_another_task(row: pd.Series) -> bool:
    return isinstance(row.get("task"), str)

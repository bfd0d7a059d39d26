"""Problem sets in veRL's columns from cleaned datasets: none twice, too long, or in a benchmark."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
from pydantic import BaseModel

from gdpo.config.datasets import PUBLISHED_SUFFIX, DatasetProblems
from gdpo.data.decontamination import MATCHES, find_matches
from gdpo.plugins import TASKS
from gdpo.tasks.problem import MATH


class LeftOut(BaseModel):
    """A problem that is not in the set."""

    id: str
    reason: str


class SetReport(BaseModel):
    """What became of the datasets' problems; ``read`` = ``kept`` + ``not_needed`` + those left out."""

    name: str
    read: int
    kept: int
    not_needed: int
    """Usable problems beyond the set's size."""
    left_out: list[LeftOut]
    decontamination: str = ""
    """Why its thresholds, where a training set is decontaminated."""


class ProblemSet(NamedTuple):
    """A problem set and how it came to be."""

    frame: pd.DataFrame
    """veRL's columns, one row a problem."""
    report: SetReport
    matches: pd.DataFrame
    """Pairs of a training and a benchmark problem, columns ``decontamination.MATCHES``."""


def make_problem_set(
    name: str,
    section: DatasetProblems,
    split: str,
    datasets: Mapping[str, pd.DataFrame],
    benchmarks: Mapping[str, pd.DataFrame],
) -> ProblemSet:
    """Make a set of the problems of ``datasets`` (name -> cleaned rows).

    Args:
        name: name of the set, which becomes its ``data_source``.
        section: what to take.
        split: ``train`` or ``benchmark``.
        datasets: the section's datasets.
        benchmarks: the datasets to decontaminate against.

    Raises:
        ValueError: no problem is left.
    """
    rows = pd.concat(datasets.values(), ignore_index=True)
    reasons = _doubled(rows)
    reasons = reasons.where(reasons != "", _too_long(rows, section.max_characters))
    matches = pd.DataFrame(columns=MATCHES)
    if section.decontaminate:
        matches = find_matches(rows[reasons == ""], benchmarks, section.decontaminate)
        reasons = reasons.where(reasons != "", _in_a_benchmark(rows, matches))
    usable = rows[reasons == ""]
    kept = usable.head(section.size) if section.size else usable
    if kept.empty:
        raise ValueError(f"problem set {name}: no problem is left of {len(rows)}: {_counts(reasons)}")
    dropped = zip(rows["id"], reasons, strict=True)
    report = SetReport(
        name=name,
        read=len(rows),
        kept=len(kept),
        not_needed=len(usable) - len(kept),
        left_out=[LeftOut(id=id, reason=reason) for id, reason in dropped if reason],
        decontamination=section.decontaminate.reason if section.decontaminate else "",
    )
    frame = pd.DataFrame(
        [_row(name, section, split, i, row) for i, row in enumerate(kept.to_dict("records"))]
    )
    return ProblemSet(frame, report, matches)


def prompt_of(section: DatasetProblems, row: Mapping[str, Any]) -> list[dict[str, str]]:
    """The messages that ask a cleaned dataset's row: its own prompt, or its text with the set's suffix."""
    if prompt := _filled(row.get("prompt")):
        return json.loads(prompt)
    return [{"role": "user", "content": f"{row['problem']} {_suffix(section, row)}".strip()}]


def _suffix(section: DatasetProblems, row: Mapping[str, Any]) -> str:
    usual = TASKS[_filled(row.get("task")) or MATH].suffix
    # Not asked whether it was set: a section that was written whole and is read again has all set.
    return usual if usual is not None and section.suffix == PUBLISHED_SUFFIX else section.suffix


def _filled(value: Any) -> Any:
    """A cell's value; None where it is empty, which pandas calls not-a-number beside texts too."""
    return None if pd.isna(value) else value


def _doubled(rows: pd.DataFrame) -> pd.Series:
    first = rows.groupby("fingerprint")["id"].transform("first")
    return ("the same problem as " + first).where(rows["fingerprint"].duplicated(), "")


def _too_long(rows: pd.DataFrame, limit: int | None) -> pd.Series:
    reason = pd.Series("", index=rows.index)
    if limit is not None:
        reason[rows["problem"].str.len() > limit] = f"longer than {limit} characters"
    return reason


def _in_a_benchmark(rows: pd.DataFrame, matches: pd.DataFrame) -> pd.Series:
    removed = matches[matches["removed"].astype(bool)].drop_duplicates("train_id").set_index("train_id")
    why = removed["kind"] + " match of " + removed["benchmark_id"] if len(removed) else {}
    return rows["id"].map(why).fillna("")


def _counts(reasons: pd.Series) -> str:
    counts = reasons.str.replace(r" (of|as) .*", "", regex=True).value_counts()
    return ", ".join(f"{count} {reason}" for reason, count in counts.items())


def _row(name: str, section: DatasetProblems, split: str, index: int, row: dict) -> dict:
    made = {
        "data_source": name,
        "prompt": prompt_of(section, row),
        "ability": _filled(row.get("task")) or MATH,
        "reward_model": {
            "style": "rule",
            "ground_truth": row["answers"],
            "several": row["several"],
            "answer_type": row["answer_type"],
            "tolerance": _filled(row["tolerance"]),
            "unit": _filled(row["unit"]),
        },
        "extra_info": {
            "id": row["id"],
            "index": index,
            "split": split,
            "family": row["dataset"],
            "fingerprint": row["fingerprint"],
        },
    }
    # Only where there are any, so that other sets' files stay as they are.
    if grader := _filled(row.get("grader")):
        made["reward_model"]["grader"] = grader
    if further := _filled(row.get("further")):
        made["extra_info"]["row"] = further
    return made

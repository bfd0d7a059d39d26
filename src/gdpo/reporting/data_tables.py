"""What became of the data's rows, and which training problems a benchmark holds: as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gdpo.reporting.tables import Page

LONGEST_LIST = 6
"""Row numbers that a cell of the page names; the CSV has all."""

Report = Mapping[str, Any]
"""A dataset's or a problem set's report, as its JSON file has it (data.datasets, data.problem_sets)."""


def data_rows(datasets: Sequence[Report], sets: Sequence[Report]) -> pd.DataFrame:
    """Every row that was left out or changed: stage, set, row, what, reason."""
    cleaned = [
        {"stage": "dataset", "set": report["dataset"], **note}
        for report in datasets
        for note in report["notes"]
    ]
    chosen = [
        {
            "stage": "problem set",
            "set": report["name"],
            "row": note["id"],
            "what": "left out",
            "reason": note["reason"],
        }
        for report in sets
        for note in report["left_out"]
    ]
    return pd.DataFrame(cleaned + chosen, columns=["stage", "set", "row", "what", "reason"])


def data_page(datasets: Sequence[Report], sets: Sequence[Report], rows: pd.DataFrame) -> Page:
    """Each dataset and problem set: rows read and kept, and the others by reason, with their numbers."""
    entries = [
        {"set": report["dataset"], "from": report["origin"], "read": report["read"], "kept": report["kept"]}
        | {"licence": report["licence"], "stage": "dataset", "not needed": 0}
        for report in datasets
    ]
    entries += [
        {"set": report["name"], "from": "datasets above", "read": report["read"], "kept": report["kept"]}
        | {"licence": "", "stage": "problem set", "not needed": report["not_needed"]}
        for report in sets
    ]
    table = pd.DataFrame(entries)
    for what in ("left out", "changed"):
        notes = rows[rows["what"] == what]
        table[what] = [
            _by_reason(notes[(notes["stage"] == entry["stage"]) & (notes["set"] == entry["set"])])
            for entry in entries
        ]
    columns = ["stage", "set", "from", "licence", "read", "left out", "changed", "not needed", "kept"]
    note = (
        "Rows by reason, with their numbers in the source, from 0; data_rows.csv has all of them, with ids."
    )
    return Page(table[columns], note)


def decontamination_table(matches: pd.DataFrame, benchmarks: Sequence[str]) -> pd.DataFrame:
    """One row a benchmark dataset: problems of the training datasets that match it, found and removed.

    Args:
        matches: pairs, columns ``data.decontamination.MATCHES``.
        benchmarks: datasets that were looked through; one without a match has zeros.
    """
    rows = []
    for name in benchmarks:
        own = matches[matches["benchmark"] == name]
        removed = own[own["removed"].astype(bool)]
        exact = own["kind"] == "exact"
        rows.append(
            {
                "benchmark": name,
                "exact matches": int(exact.sum()),
                "near matches listed": int((~exact).sum()),
                "of them with the same answer": int((~exact & own["same_answer"].astype(bool)).sum()),
                "training problems removed": removed["train_id"].nunique(),
                "benchmark problems concerned": removed["benchmark_id"].nunique(),
            }
        )
    return pd.DataFrame(rows)


def decontamination_page(table: pd.DataFrame, section: Mapping[str, Any]) -> Page:
    """The table with its thresholds (empty: nothing was asked for) and their reason."""
    if not section:
        return Page(table, "The training set is not decontaminated.")
    note = (
        "Exact: equal without case, white space, punctuation and LaTeX spacing. Near: Jaccard similarity of "
        f"word 3-grams from {section['listed']}; removed from {section['threshold']}, or from "
        f"{section['threshold_same_answer']} with the same answer. {section['reason']} "
        "matches.csv lists every pair."
    )
    return Page(table, note)


def _by_reason(notes: pd.DataFrame) -> str:
    """``3 no answer (17, 20, 31); 1 ...``; problems' ids are too long to be named here."""
    kinds = notes["reason"].str.replace(r"(same problem as|match of) .*", r"\1 another", regex=True)
    parts = []
    for kind, group in notes.groupby(kinds, sort=False):
        numbers = [str(row) for row in group["row"] if isinstance(row, int)]
        more = ["..."] if len(numbers) > LONGEST_LIST else []
        listed = f" ({', '.join(numbers[:LONGEST_LIST] + more)})" if numbers else ""
        parts.append(f"{len(group)} {kind}{listed}")
    return "; ".join(parts)

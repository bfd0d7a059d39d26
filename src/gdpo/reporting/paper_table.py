"""The paper's table: starting models under each method, published figures beside ours; and its numbers."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gdpo.reporting.style import LABELS
from gdpo.reporting.tables import Page, Settings, interval_cells, sizes_note

SHOWN = {"accuracy": "accuracy %", "exceed": "exceed %"}
"""Metrics of the paper's table -> column header."""


def paper_table(arms: pd.DataFrame, published: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row an arm, benchmark and metric: ours with its interval, the published figure and its source.

    Args:
        arms: means over seeds (:func:`gdpo.reporting.tables.arms_table`).
        published: entries of ``model``, ``method`` (``start``: no RL), ``benchmark``, ``metric``, ``value``
            (a share from 0 to 1) and ``source``; without an entry both cells stay empty.
    """
    known = {
        tuple(entry[key] for key in ("model", "method", "benchmark", "metric")): entry for entry in published
    }
    rows = []
    for row in arms.to_dict("records"):
        for metric in SHOWN:
            found = known.get((row["start"], row["method"], row["benchmark"], metric), {})
            rows.append(
                {key: row[key] for key in ("start", "arm", "method", "benchmark", "seeds")}
                | {"metric": metric, "value": row[metric]}
                | {"low": row[f"{metric}_low"], "high": row[f"{metric}_high"]}
                | {"published": found.get("value"), "source": found.get("source")}
            )
    return pd.DataFrame(rows)


def paper_page(table: pd.DataFrame, arms: pd.DataFrame, settings: Settings) -> Page:
    """Rows: starting model and arm; columns: accuracy and exceed of each benchmark, and what is published."""
    first = arms.drop_duplicates("arm")
    shown = first[["start"]].rename(columns={"start": "model"}).reset_index(drop=True)
    shown["method"] = [_label(row.arm, row.method, row.start) for row in first.itertuples()]
    for benchmark, rows in arms.groupby("benchmark", sort=False):
        for metric, header in SHOWN.items():
            shown[f"{benchmark} {header}"] = interval_cells(rows, metric)
            cells = table[(table["benchmark"] == benchmark) & (table["metric"] == metric)]
            if cells["published"].notna().any():
                shown[f"{benchmark} {header}, published"] = [
                    "" if pd.isna(value) else f"{100 * value:.1f}" for value in cells["published"]
                ]
    sources = ", ".join(sorted(set(table["source"].dropna()))) or "none for these models and benchmarks"
    seeds = "and seeds " if (arms["seeds"] > 1).any() else ""
    return Page(
        shown,
        f"Means over training seeds; {settings.confidence:.0%} bootstrap intervals over problems {seeds}in "
        f"brackets; exceed: share of responses over {settings.limit} tokens. {sizes_note(arms)} "
        f"Published figures: {sources}; an empty cell has no source.",
    )


def numbers(arms: pd.DataFrame) -> dict[str, str]:
    r"""Name -> text of every number that a paper would quote, for LaTeX's ``\input{numbers/<name>}``.

    ``<benchmark>-<arm>-<metric>``: shares in percent, lengths in tokens, one decimal. The text ends in ``%``,
    so that no space follows it.
    """
    found = {}
    for row in arms.to_dict("records"):
        for metric in ("accuracy", "exceed", "within_and_correct", "response_length"):
            scale = 1 if metric == "response_length" else 100
            name = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{row['benchmark']}-{row['arm']}-{metric}")
            found[name] = f"{scale * row[metric]:.1f}%\n"
    return found


def _label(arm: str, method: str, start: str) -> str:
    """The method's name where the arm adds nothing to it, else the arm's."""
    if method == "start":
        return "no RL"
    return LABELS[method] if arm in (method, f"{method}-{start}") else arm

"""The result tables, from scored samples: as data frames, and as people read them."""

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

import pandas as pd

from gdpo.reporting.style import LABELS
from gdpo.statistics.metrics import METRICS, paired_difference, summarize

Scores = Mapping[tuple[str, str], pd.DataFrame]
"""(model, benchmark) -> scored samples."""


Facts = Mapping[str, str]
"""What is known of a model: run (its name), config (hash), arm, method, start (the model it started from)."""


def main_table(
    scores: Scores, models: Mapping[str, Facts], limit: int, confidence: float, resamples: int
) -> pd.DataFrame:
    """One row a model and benchmark: every metric with its interval.

    Args:
        scores: scored samples of every model on every benchmark.
        models: model -> its facts, which become columns.
        limit: response-length limit l in tokens.
        confidence: level of the intervals.
        resamples: bootstrap resamples.
    """
    rows = [
        {"benchmark": benchmark, **models[model]} | summarize(frame, limit, confidence, resamples)
        for (model, benchmark), frame in scores.items()
    ]
    return pd.DataFrame(rows)


def paired_table(
    scores: Scores, models: Mapping[str, Facts], limit: int, confidence: float, resamples: int
) -> pd.DataFrame:
    """One row a run, benchmark and metric: the paired difference to its starting model, same problems."""
    rows = [
        {"benchmark": benchmark, **models[model], "metric": metric}
        | paired_difference(
            frame, scores[models[model]["start"], benchmark], metric, limit, confidence, resamples
        )
        for (model, benchmark), frame in scores.items()
        if model != models[model]["start"]
        for metric in METRICS
    ]
    return pd.DataFrame(rows)


class Page(NamedTuple):
    """A table as people read it."""

    shown: pd.DataFrame
    """Cells as text."""
    note: str
    """What the cells are: intervals, numbers of problems and samples."""

    def markdown(self) -> str:
        """The table and its note."""
        return f"{self.shown.to_markdown(index=False)}\n\n{self.note}\n"

    def html(self) -> str:
        """A self-contained page, for the report."""
        return (
            f'<!doctype html><meta charset="utf-8"><style>{CSS}</style>'
            f"{self.shown.to_html(index=False, border=0)}<p>{escape(self.note)}</p>\n"
        )


CSS = (
    "body{font:14px/1.4 sans-serif;margin:1.5em}table{border-collapse:collapse}"
    "th{border-bottom:1px solid #333;text-align:left;white-space:nowrap}"
    "th,td{padding:.25em .8em .25em 0;font-variant-numeric:tabular-nums}"
)


def main_page(table: pd.DataFrame, limit: int, confidence: float) -> Page:
    """The main table with estimate and interval in one cell."""
    headers = {
        "accuracy": "accuracy % (avg@k)",
        "exceed": f"exceed % (> {limit} tokens)",
        "within_and_correct": "correct and within %",
        "response_length": "response length (tokens)",
    }
    shown = table[["benchmark", "run", "config"]].copy()
    shown["method"] = table["method"].map(LABELS)
    for metric, header in headers.items():
        columns = [metric, f"{metric}_low", f"{metric}_high"]
        values = table[columns] * (1 if metric == "response_length" else 100)
        shown[header] = [f"{mid:.1f} [{low:.1f}, {high:.1f}]" for mid, low, high in values.to_numpy()]
    sizes = ", ".join(
        f"{name}: {rows['problems'].iloc[0]} problems x {rows['samples_per_problem'].iloc[0]:.0f} samples"
        for name, rows in table.groupby("benchmark", sort=False)
    )
    return Page(shown, f"{confidence:.0%} bootstrap intervals over problems. {sizes}.")


def paired_page(table: pd.DataFrame, confidence: float) -> Page:
    """The paired comparison with difference and interval in one cell."""
    shown = table[["benchmark", "run", "config", "start", "metric"]].copy()
    shown["difference to start"] = [
        f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]" for row in table.itertuples()
    ]
    shown["interval excludes 0"] = table["significant"].map({True: "yes", False: "no"})
    return Page(
        shown,
        f"Paired bootstrap over problems, {confidence:.0%} intervals, not corrected for the number of "
        "comparisons.",
    )

"""The result tables, from scored samples, as data frames and as Markdown."""

from collections.abc import Mapping

import pandas as pd

from gdpo.statistics.metrics import METRICS, paired_difference, summarize

Scores = Mapping[tuple[str, str], pd.DataFrame]
"""(model, benchmark) -> scored samples."""


def main_table(
    scores: Scores, methods: Mapping[str, str], limit: int, confidence: float, resamples: int
) -> pd.DataFrame:
    """One row a model and benchmark: every metric with its interval.

    Args:
        scores: scored samples of every model on every benchmark.
        methods: model -> method as shown.
        limit: response-length limit l in tokens.
        confidence: level of the intervals.
        resamples: bootstrap resamples.
    """
    rows = [
        {"benchmark": benchmark, "model": model, "method": methods[model]}
        | summarize(frame, limit, confidence, resamples)
        for (model, benchmark), frame in scores.items()
    ]
    return pd.DataFrame(rows)


def paired_table(
    scores: Scores, reference: str, limit: int, confidence: float, resamples: int
) -> pd.DataFrame:
    """One row a model, benchmark and metric: the paired difference to ``reference`` on the same problems."""
    rows = [
        {"benchmark": benchmark, "model": model, "reference": reference, "metric": metric}
        | paired_difference(frame, scores[reference, benchmark], metric, limit, confidence, resamples)
        for (model, benchmark), frame in scores.items()
        if model != reference
        for metric in METRICS
    ]
    return pd.DataFrame(rows)


def main_markdown(table: pd.DataFrame, limit: int, confidence: float) -> str:
    """The main table as people read it: estimate and interval in one cell, the numbers in the caption."""
    headers = {
        "accuracy": "accuracy % (avg@k)",
        "exceed": f"exceed % (> {limit} tokens)",
        "within_and_correct": "correct and within %",
        "response_length": "response length (tokens)",
    }
    shown = table[["benchmark", "model", "method"]].copy()
    for metric, header in headers.items():
        columns = [metric, f"{metric}_low", f"{metric}_high"]
        values = table[columns] * (1 if metric == "response_length" else 100)
        shown[header] = [f"{mid:.1f} [{low:.1f}, {high:.1f}]" for mid, low, high in values.to_numpy()]
    sizes = ", ".join(
        f"{name}: {rows['problems'].iloc[0]} problems x {rows['samples_per_problem'].iloc[0]:.0f} samples"
        for name, rows in table.groupby("benchmark", sort=False)
    )
    return (
        f"{shown.to_markdown(index=False)}\n\n{confidence:.0%} bootstrap intervals over problems. {sizes}.\n"
    )


def paired_markdown(table: pd.DataFrame, confidence: float) -> str:
    """The paired comparison as people read it."""
    shown = table[["benchmark", "model", "metric"]].copy()
    shown[f"difference to {table['reference'].iloc[0]}"] = [
        f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]" for row in table.itertuples()
    ]
    shown["interval excludes 0"] = table["significant"].map({True: "yes", False: "no"})
    return (
        f"{shown.to_markdown(index=False)}\n\nPaired bootstrap over problems, {confidence:.0%} intervals, "
        "not corrected for the number of comparisons.\n"
    )

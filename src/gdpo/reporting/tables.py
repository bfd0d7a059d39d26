"""The result tables, from scored samples: as data frames, and as people read them."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gdpo.plugins import METRICS
from gdpo.reporting.style import label_of
from gdpo.statistics.intervals import adjusted, compare, mean_interval
from gdpo.statistics.metrics import dataset_of, problem_values, sizes, weighed

Facts = Mapping[str, str]
"""What is known of a model: run (its name), config (hash), arm, method, start (the model it started from),
length (its length reward: plain, conditioned, ``plain x 0.5`` of weight 0.5; empty without one; with a bug
reward ``conditioned + bug``)."""

COMPARED = ("accuracy", "within_and_correct", "exceed", "response_length")
"""Metrics that are tested, beside those that the experiment shows."""
MOST_PAIRED_ARMS = 4
"""Up to so many arms of one starting model are compared with each other; of more, each with the first."""


class Settings(NamedTuple):
    """How tables are made."""

    limit: int
    """Response-length limit l in tokens."""
    confidence: float
    resamples: int
    shown: tuple[str, ...] = ("accuracy", "exceed")
    """Metrics of the paper's table and of the ablations."""
    weights: Mapping[str, Mapping[str, float]] = {}
    """Benchmark -> dataset -> weight (:func:`gdpo.statistics.metrics.weighed`)."""

    @property
    def interval(self) -> tuple[float, int]:
        """Level and resamples of an interval."""
        return self.confidence, self.resamples


class Evaluated:
    """Values of every problem, for every model and benchmark.

    Args:
        scores: (model, benchmark) -> scored samples (columns: :func:`statistics.metrics.problem_values`).
        models: model -> its facts.
        settings: how tables are made.
        further: registered metrics beside those that every table has.

    Raises:
        ValueError: models of one benchmark were not sampled on the same problems.
    """

    def __init__(
        self,
        scores: Mapping[tuple[str, str], pd.DataFrame],
        models: Mapping[str, Facts],
        settings: Settings,
        further: Sequence[str] = (),
    ):
        self.models, self.settings, self.further = models, settings, tuple(further)
        self.values = {
            (model, benchmark): weighed(
                problem_values(frame, settings.limit, further), settings.weights.get(benchmark, {})
            )
            for (model, benchmark), frame in scores.items()
        }
        self.sizes = {key: sizes(frame) for key, frame in scores.items()}
        self.benchmarks = list(dict.fromkeys(benchmark for _, benchmark in scores))
        self._check_same_problems()

    def _check_same_problems(self) -> None:
        first: dict[str, tuple[str, pd.Index]] = {}
        for (model, benchmark), frame in self.values.items():
            other, index = first.setdefault(benchmark, (model, frame.index))
            if not frame.index.equals(index):
                raise ValueError(
                    f"{benchmark}: {model} and {other} were not sampled on the same problems; "
                    f"{len(frame.index.symmetric_difference(index))} are in one only"
                )

    def arms(self) -> dict[str, list[str]]:
        """Arm -> its models, one a seed; a starting model is an arm of its own."""
        arms: dict[str, list[str]] = {}
        for model, facts in self.models.items():
            arms.setdefault(facts["arm"], []).append(model)
        return arms

    def matrix(self, models: Sequence[str], benchmark: str, metric: str) -> np.ndarray:
        """``[models, problems]`` of one metric."""
        return np.stack([self.values[model, benchmark][metric].to_numpy() for model in models])

    @cache  # noqa: B019 - lives as long as the tables are made
    def strata(self, benchmark: str) -> np.ndarray | None:
        """The dataset of each problem, where datasets are weighed: intervals resample each by itself."""
        if not self.settings.weights.get(benchmark):
            return None
        index = next(frame.index for (_, name), frame in self.values.items() if name == benchmark)
        return np.array([dataset_of(id) for id in index])

    def summary(self, models: Sequence[str], benchmark: str) -> dict[str, Any]:
        """Every metric of models that are one arm's seeds (or of one model), with its interval."""
        size = self.sizes[models[0], benchmark]
        row: dict[str, Any] = dict(size) | {
            "samples": sum(self.sizes[model, benchmark]["samples"] for model in models),
            "median_length": float(np.median([self.sizes[m, benchmark]["median_length"] for m in models])),
        }
        for metric in self.values[models[0], benchmark]:
            values = self.matrix(models, benchmark, metric)
            found = mean_interval(values, *self.settings.interval, self.strata(benchmark))
            row |= {metric: found.estimate, f"{metric}_low": found.low, f"{metric}_high": found.high}
        return row


def by_dataset(
    scores: Mapping[tuple[str, str], pd.DataFrame], benchmarks: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], pd.DataFrame]:
    """(model, dataset) -> scored samples, of the benchmarks that have several datasets.

    Args:
        scores: (model, benchmark) -> scored samples.
        benchmarks: those benchmarks -> their datasets; one without a problem is left out.
    """
    found = {}
    for (model, benchmark), frame in scores.items():
        parts = dict(list(frame.groupby(frame["problem_id"].map(dataset_of))))
        for name in benchmarks.get(benchmark, ()):
            if name in parts:
                # Two benchmarks may hold problems of one dataset.
                label = f"{name} ({benchmark})" if (model, name) in found else name
                found[model, label] = parts[name]
    return found


def main_table(evaluated: Evaluated) -> pd.DataFrame:
    """One row a model and benchmark: every metric with its interval over problems."""
    rows = [
        {"benchmark": benchmark, **evaluated.models[model]} | evaluated.summary([model], benchmark)
        for benchmark in evaluated.benchmarks
        for model in evaluated.models
    ]
    return pd.DataFrame(rows)


def arms_table(evaluated: Evaluated) -> pd.DataFrame:
    """One row an arm and benchmark: means over its seeds, intervals over problems and seeds."""
    rows = []
    for benchmark in evaluated.benchmarks:
        for arm, models in evaluated.arms().items():
            facts = evaluated.models[models[0]]
            known = {key: facts[key] for key in ("method", "start", "length")}
            rows.append(
                {"benchmark": benchmark, "arm": arm, **known, "seeds": len(models)}
                | evaluated.summary(models, benchmark)
            )
    return pd.DataFrame(rows)


def paired_table(evaluated: Evaluated) -> pd.DataFrame:
    """One row a comparison, benchmark and metric: the paired difference on the same problems.

    ``comparison`` is ``start`` (a run against the model it started from), ``start, seeds pooled`` (an arm
    against it) or ``arms`` (an arm against another of the same starting model). ``p_adjusted`` is over all
    rows of one metric and kind of comparison.
    """
    table = pd.DataFrame(
        [
            {"benchmark": benchmark, **pair.facts, "metric": metric}
            | _compared(evaluated, pair, benchmark, metric)
            for benchmark in evaluated.benchmarks
            for pair in _pairs(evaluated)
            for metric in dict.fromkeys([*COMPARED, *evaluated.settings.shown, *evaluated.further])
        ]
    )
    if table.empty:
        return table
    table["p_adjusted"] = table.groupby(["comparison", "metric"])["p_value"].transform(
        lambda column: adjusted(column.to_numpy())
    )
    table["significant"] = (table["low"] > 0) | (table["high"] < 0)
    return table


class _Pair(NamedTuple):
    facts: dict[str, Any]
    models: list[str]
    others: list[str]


def _pairs(evaluated: Evaluated) -> Iterator[_Pair]:
    arms = {
        arm: models
        for arm, models in evaluated.arms().items()
        if evaluated.models[models[0]]["method"] != "start"
    }
    for arm, models in arms.items():
        for model in models:
            facts = evaluated.models[model]
            yield _Pair(
                {**facts, "comparison": "start", "reference": facts["start"]}, [model], [facts["start"]]
            )
        facts = {**evaluated.models[models[0]], "run": arm, "config": ""}
        if len(models) > 1:
            pooled = {**facts, "comparison": "start, seeds pooled", "reference": facts["start"]}
            yield _Pair(pooled, models, [facts["start"]])
    for one, other in _compared_arms(evaluated, arms):
        facts = {**evaluated.models[arms[one][0]], "run": one, "config": ""}
        yield _Pair({**facts, "comparison": "arms", "reference": other}, arms[one], arms[other])


def _compared_arms(evaluated: Evaluated, arms: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Pairs (arm, reference) of arms of one starting model."""
    by_start: dict[str, list[str]] = {}
    for arm, models in arms.items():
        by_start.setdefault(evaluated.models[models[0]]["start"], []).append(arm)
    for names in by_start.values():
        if len(names) <= MOST_PAIRED_ARMS:
            yield from ((one, other) for other, one in combinations(names, 2))
        else:
            yield from ((one, names[0]) for one in names[1:])


def _compared(evaluated: Evaluated, pair: _Pair, benchmark: str, metric: str) -> dict[str, Any]:
    matrices = [evaluated.matrix(models, benchmark, metric) for models in (pair.models, pair.others)]
    if len(pair.others) == 1 < len(pair.models):  # one starting model, several seeds
        matrices[1] = np.repeat(matrices[1], len(pair.models), axis=0)
    found = compare(*matrices, *evaluated.settings.interval, evaluated.strata(benchmark))
    return found._asdict() | {"seeds": len(pair.models)}


class Page(NamedTuple):
    """A table as people read it."""

    shown: pd.DataFrame
    """Cells as text; headers may have two lines."""
    note: str
    """What the cells are: intervals, numbers of problems and samples."""

    def markdown(self) -> str:
        """The table and its note."""
        headers = [" ".join(filter(None, h)) if isinstance(h, tuple) else h for h in self.shown]
        return f"{self.shown.set_axis(headers, axis=1).to_markdown(index=False)}\n\n{self.note}\n"

    def html(self) -> str:
        """A self-contained page, for Snakemake's report."""
        return (
            f'<!doctype html><meta charset="utf-8"><style>{CSS}</style>'
            f"{self.html_table()}<p>{escape(self.note)}</p>\n"
        )

    def html_table(self) -> str:
        """The table alone."""
        return self.shown.to_html(index=False, border=0)

    def latex(self) -> str:
        """The table for booktabs, with the note as a comment."""
        table = self.shown.rename(columns=_latex).style.hide(axis="index").format(escape="latex")
        return f"% {self.note}\n" + table.to_latex(hrules=True, multicol_align="l")


def _latex(text: str) -> str:
    return "".join(
        {"%": r"\%", "&": r"\&", "_": r"\_", "#": r"\#", ">": "$>$"}.get(char, char) for char in text
    )


CSS = (
    "body{font:14px/1.4 sans-serif;margin:1.5em}table{border-collapse:collapse}"
    "th{border-bottom:1px solid #333;text-align:left;white-space:nowrap}"
    "th,td{padding:.25em .8em .25em 0;font-variant-numeric:tabular-nums;vertical-align:top}"
    "td:first-child{white-space:nowrap}"
)


def interval_cells(table: pd.DataFrame, metric: str) -> list[str]:
    """``64.1 [58.2, 70.0]`` for each row: shares in percent, other metrics as they are."""
    columns = [metric, f"{metric}_low", f"{metric}_high"]
    share = metric not in METRICS or METRICS[metric].unit == "%"
    values = table[columns] * (100 if share else 1)
    digits = 1 if share or values.abs().max(axis=None) >= 10 else 3
    return [f"{mid:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]" for mid, low, high in values.to_numpy()]


def _header(name: str) -> str:
    """Head of a further metric's column."""
    entry = METRICS[name]
    unit = f" ({entry.unit})" if entry.unit not in ("", "%") else ""
    percent = " %" if entry.unit == "%" and "%" not in entry.label else ""
    return f"{entry.label}{percent}{unit}"


def sizes_note(table: pd.DataFrame) -> str:
    """Problems and samples of each benchmark, and what the grader left unjudged."""
    parts = [
        f"{name}: {rows['problems'].iloc[0]} problems x {rows['samples_per_problem'].iloc[0]:.0f} samples"
        for name, rows in table.groupby("benchmark", sort=False)
    ]
    lost = ((table["timeouts"] + table["errors"]) * table["samples"]).sum()
    return f"{', '.join(parts)}. Samples that the grader could not judge: {lost:.0f}."


def main_page(table: pd.DataFrame, settings: Settings, further: Sequence[str] = ()) -> Page:
    """The main table with estimate and interval in one cell; ``further``: registered metrics beside ours."""
    samples = int(table["samples_per_problem"].max())
    headers = {
        "accuracy": "accuracy % (avg@k)",
        f"pass@{samples}": f"pass@{samples} %",
        "maj": "maj@k %",
        "exceed": f"exceed % (> {settings.limit} tokens)",
        "within_and_correct": "correct and within %",
        "response_length": "response length (tokens)",
        "format": "format %",
        "truncated": "truncated %",
        **{name: _header(name) for name in further},
    }
    shown = table[["benchmark", "run", "config"]].copy()
    shown["method"] = table["method"].map(label_of)
    for metric, header in headers.items():
        if metric in table:
            shown[header] = interval_cells(table, metric)
    note = f"{settings.confidence:.0%} bootstrap intervals over problems. {sizes_note(table)}"
    meanings = (f"{_header(name)}: {METRICS[name].what.rstrip('.')}." for name in further)
    return Page(shown, " ".join([note, *meanings]))


def paired_page(table: pd.DataFrame, settings: Settings) -> Page:
    """The paired comparisons with difference and interval in one cell."""
    shown = table[["benchmark", "comparison", "run", "config", "reference", "metric"]].copy()
    shown["difference"] = [
        f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]" for row in table.itertuples()
    ]
    shown["interval excludes 0"] = table["significant"].map({True: "yes", False: "no"})
    shown["p (adjusted)"] = [f"{_p(row.p_value)} ({_p(row.p_adjusted)})" for row in table.itertuples()]
    return Page(
        shown,
        f"On the same problems; {settings.confidence:.0%} bootstrap intervals over problems (and seeds, "
        "where they are pooled); p of a two-sided sign-flip permutation test over problems, adjusted over "
        "the rows of one metric and kind of comparison (Benjamini and Hochberg).",
    )


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"

"""The paper's table: starting models under each method, published figures beside ours; and its numbers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd

from gdpo.plugins import METRICS
from gdpo.reporting.style import label_of
from gdpo.reporting.tables import Page, Settings, sizes_note

QUOTED = ("accuracy", "exceed", "within_and_correct", "response_length")
"""Metrics whose numbers are written for LaTeX, beside those that the experiment shows."""
NO_BREAK = "\N{NO-BREAK SPACE}"
MOST_SIDE_BY_SIDE = 4
"""Up to so many methods stand side by side, as in the paper; of more, each has a row."""


def paper_table(
    arms: pd.DataFrame, published: Sequence[Mapping[str, Any]], metrics: Sequence[str]
) -> pd.DataFrame:
    """One row an arm, benchmark and metric: ours with its interval, the published figure, and ours minus it.

    An arm is compared with figures of its own length reward only; a starting model has none and fits all. The
    published figure is taken as exact, so the interval of the difference is ours, shifted.

    Args:
        arms: means over seeds (:func:`gdpo.reporting.tables.arms_table`).
        published: published figures, entries of ``model``, ``method`` (``start``: no RL), ``length``,
            ``benchmark``, ``metric``, ``value`` (a share from 0 to 1) and ``source``; cells without one stay
            empty.
        metrics: what is shown, shares.
    """
    known = {(*_key(entry, entry["model"]), entry["metric"]): entry for entry in published}
    rows = []
    for row in arms.to_dict("records"):
        for metric in metrics:
            ours = {"value": row[metric], "low": row[f"{metric}_low"], "high": row[f"{metric}_high"]}
            found = known.get((*_key(row, row["start"]), metric), {})
            theirs = found.get("value")
            rows.append(
                {name: row[name] for name in ("start", "arm", "method", "length", "benchmark", "seeds")}
                | {"metric": metric, **ours, "published": theirs}
                | {f"difference_{end}": mine - theirs if found else None for end, mine in ours.items()}
                | {"source": found.get("source")}
            )
    return pd.DataFrame(rows).rename(columns={"difference_value": "difference"})


def _key(entry: Mapping[str, Any], model: str) -> tuple[str, ...]:
    method = entry["method"]
    return (model, method, "" if method == "start" else entry["length"], entry["benchmark"])


def paper_page(table: pd.DataFrame, arms: pd.DataFrame, settings: Settings) -> Page:
    """A block a starting model, a row a benchmark, methods side by side; of many methods, a row each."""
    sources = ", ".join(sorted(set(table["source"].dropna())))
    theirs = (
        f"Published: {sources}. Difference: ours minus published, in percentage points; a published figure "
        "has no error bar, so the interval is ours, shifted."
        if sources
        else "No figures are published for these models and benchmarks."
    )
    return Page(_shown(table), f"{_note(arms, settings)} {theirs}")


def category_page(means: pd.DataFrame, settings: Settings) -> Page:
    """The same of ours alone, a row a dataset (``means``: its table of arms) instead of a benchmark."""
    return Page(_shown(paper_table(means, [], settings.shown)), _note(means, settings))


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    cells = pd.DataFrame(_cells(table))
    if cells["method"].nunique() <= MOST_SIDE_BY_SIDE:
        return _grid(cells, ["benchmark", "figure"], ["method", "metric"])
    return _grid(cells, ["benchmark", "method"], ["metric", "figure"])


def _note(arms: pd.DataFrame, settings: Settings) -> str:
    seeds = "and seeds " if (arms["seeds"] > 1).any() else ""
    return (
        f"Percent, means over training seeds; {settings.confidence:.0%} bootstrap intervals over problems "
        f"{seeds}in brackets; {meaning(settings)}. {sizes_note(arms)}{_weights(arms, settings)}"
    )


def _weights(arms: pd.DataFrame, settings: Settings) -> str:
    """What benchmarks are the weighted means of."""
    return "".join(
        f" {name}: mean of its datasets' means, weighed {', '.join(f'{k} {w:g}' for k, w in each.items())}."
        for name, each in settings.weights.items()
        if name in set(arms["benchmark"])
    )


def meaning(settings: Settings) -> str:
    """What the shown metrics beside accuracy are."""
    named = {"exceed": f"exceed: share of responses over {settings.limit} tokens"}
    said = [named.get(name) or f"{name}: {METRICS[name].what.rstrip('.')}" for name in settings.shown]
    return "; ".join(said[1:] or said)


def _cells(table: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Every cell of the page; published figures and differences only for rows that have one."""
    starts = list(dict.fromkeys(table["start"]))
    by_start = table.sort_values("start", key=lambda names: names.map(starts.index), kind="stable")
    for (start, benchmark), block in by_start.groupby(["start", "benchmark"], sort=False):
        place = {"model": start, "benchmark": benchmark}
        for kind in ("ours", "published", "difference"):
            for row in block.to_dict("records"):
                if kind == "ours" or pd.notna(row["published"]):
                    label = _label(row["arm"], row["method"], start)
                    cell = {"method": label, "metric": row["metric"], "figure": kind}
                    yield place | cell | {"text": _text(row, kind)}


def _text(row: Mapping[str, Any], kind: str) -> str:
    if kind == "published":
        return f"{100 * row['published']:.1f}"
    if kind == "ours":
        middle, low, high = (f"{100 * row[name]:.1f}" for name in ("value", "low", "high"))
    else:
        names = ("difference", "difference_low", "difference_high")
        middle, low, high = (f"{100 * row[name]:+.1f}" for name in names)
    return f"{middle} [{low},{NO_BREAK}{high}]"


def _grid(cells: pd.DataFrame, rows: list[str], columns: list[str]) -> pd.DataFrame:
    """Cells as a table with two lines of headers, and a line of its own for each starting model."""
    names = [("", name) for name in rows]
    lines: list[dict[tuple[str, str], str]] = []
    for model, block in cells.groupby("model", sort=False):
        lines.append({names[0]: model})
        above = ""
        for (first, second), line in block.groupby(rows, sort=False):
            pairs = line[columns].itertuples(index=False, name=None)
            place = {names[0]: "" if first == above else first, names[1]: second}
            lines.append(place | dict(zip(pairs, line["text"], strict=True)))
            above = first
    if cells[rows[1]].nunique() == 1:
        del names[1]
    order = [dict.fromkeys(cells[column]) for column in columns]
    used = set().union(*lines)
    headers = names + [pair for pair in product(*order) if pair in used]
    texts = [[line.get(header, "") for header in headers] for line in lines]
    return pd.DataFrame(texts, columns=pd.MultiIndex.from_tuples(headers))


def numbers(arms: pd.DataFrame, metrics: Sequence[str]) -> dict[str, str]:
    r"""Name -> text of every number that a paper would quote, for LaTeX's ``\input{numbers/<name>}``.

    ``<benchmark>-<arm>-<metric>``: shares in percent, lengths in tokens, one decimal. The text ends in ``%``,
    so that no space follows it.
    """
    found = {}
    for row in arms.to_dict("records"):
        for metric in dict.fromkeys([*QUOTED, *metrics]):
            scale = 1 if metric == "response_length" else 100
            name = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{row['benchmark']}-{row['arm']}-{metric}")
            found[name] = f"{scale * row[metric]:.1f}%\n"
    return found


def _label(arm: str, method: str, start: str) -> str:
    """The arm's name without its model; the method's name where nothing else is in it."""
    if method == "start":
        return "no RL"
    name = arm.replace(f"-{start}", "", 1)
    return label_of(method) if name == method else name

"""The ablation table: what each arm changes, and by how much the benchmarks answer."""

from collections.abc import Mapping

import pandas as pd

from gdpo.reporting.paper_table import meaning
from gdpo.reporting.tables import Evaluated, Page, Settings, sizes_note
from gdpo.statistics.intervals import compare

LENGTH = "response_length"


def ablation_table(evaluated: Evaluated, ablations: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """One row an arm, benchmark and metric: its mean and the paired difference from its reference arm.

    Args:
        evaluated: scored samples; arms that are not in ``ablations`` are left out.
        ablations: arm -> reference arm (empty where it has none) and what it changes.
    """
    arms, rows = evaluated.arms(), []
    for benchmark in evaluated.benchmarks:
        for arm, (reference, changed) in ablations.items():
            for metric in (*evaluated.settings.shown, LENGTH):
                values = evaluated.matrix(arms[arm], benchmark, metric)
                row = {"benchmark": benchmark, "arm": arm, "reference": reference, "changed": changed}
                row |= {"metric": metric, "value": values.mean(), "seeds": len(arms[arm])}
                if reference:
                    others = evaluated.matrix(arms[reference], benchmark, metric)
                    found = compare(values, others, *evaluated.settings.interval, evaluated.strata(benchmark))
                    row |= {"difference": found.difference, "low": found.low, "high": found.high}
                rows.append(row)
    return pd.DataFrame(rows)


def ablation_page(table: pd.DataFrame, arms: pd.DataFrame, settings: Settings) -> Page:
    """Rows: arms; columns: what is changed, and value and difference of each benchmark and metric."""
    first = table.drop_duplicates("arm")
    shown = first[["arm", "reference", "changed"]].fillna("").reset_index(drop=True)
    for (benchmark, metric), rows in table.groupby(["benchmark", "metric"], sort=False):
        header = "length (tokens)" if metric == LENGTH else f"{metric} %"
        shown[f"{benchmark} {header}"] = [_cell(row, metric) for row in rows.itertuples()]
    return Page(
        shown,
        "Means over training seeds, then the difference from the reference arm on the same problems and its "
        f"{settings.confidence:.0%} bootstrap interval; shares and their differences in percent (points); "
        f"{meaning(settings)}. {sizes_note(arms)}",
    )


def _cell(row: tuple, metric: str) -> str:
    scale = 1 if metric == LENGTH else 100
    value = f"{scale * row.value:.1f}"
    if not row.reference or pd.isna(row.reference):
        return value
    return f"{value} ({scale * row.difference:+.1f} [{scale * row.low:+.1f}, {scale * row.high:+.1f}])"

"""Write the experiment on one page: summary.html."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from gdpo.parquet import read_table
from gdpo.plugins.loading import load_from_environment
from gdpo.reporting.ablation_table import ablation_page
from gdpo.reporting.cost import cost_page
from gdpo.reporting.data_tables import data_page, data_rows, decontamination_page, decontamination_table
from gdpo.reporting.paper_table import category_page, paper_page
from gdpo.reporting.summary import (
    Section,
    ShownFigure,
    ShownTable,
    read_json,
    runs_page,
    summary_page,
    troubles,
)
from gdpo.reporting.tables import Settings, main_page, paired_page
from gdpo.statistics.constant_rewards import constant_stretches
from gdpo.whole_file import write_text


def data_section(inputs: Any, params: Any) -> list[Section]:
    """Data and decontamination, where there are real datasets."""
    if not inputs.datasets:
        return []
    datasets, sets = (
        [json.loads(Path(p).read_text()) for p in paths] for paths in (inputs.datasets, inputs.sets)
    )
    matches = pd.read_csv(inputs.matches)
    pages = {
        "Rows": data_page(datasets, sets, data_rows(datasets, sets)),
        "Decontamination": decontamination_page(
            decontamination_table(matches, params.against), params.thresholds
        ),
    }
    return [Section("Data", tables=[ShownTable.of(page, title) for title, page in pages.items()])]


def main_tables(tables: dict[str, pd.DataFrame], categories: str, settings: Settings) -> list[ShownTable]:
    """The paper's table, and where benchmarks are made of several datasets, the same by dataset."""
    found = [ShownTable.of(paper_page(tables["paper"], tables["arms"], settings))]
    if categories:
        found.append(ShownTable.of(category_page(pd.read_csv(categories), settings), "By dataset"))
    return found


def caption_of(figure: str, params: Any) -> str:
    """A figure's caption: a plug-in's own, else the file of that name."""
    return params.brought.get(figure) or Path(params.captions, f"{figure}.rst").read_text()


def main(inputs: Any, params: Any, output: Any) -> None:
    """Read tables, figures and run folders, and write the page."""
    settings = Settings(
        params.limit, params.confidence, params.resamples, tuple(params.shown), params.weights
    )
    tables = {
        name: pd.read_csv(inputs[name], keep_default_na=False, na_values=[""]) for name in params.tables
    }
    for name in ("main", "paired"):
        tables[name]["config"] = tables[name]["config"].fillna("")
    folders = [Path(path).parent for path in inputs.summaries]
    provenance = {folder.name: read_json(folder / "provenance.json") for folder in folders}
    summaries = {folder.name: read_json(folder / "summary.json") for folder in folders}
    configs = {folder.name: (folder / "config.json").read_text() for folder in folders}
    constant = {
        folder.name: constant_stretches(
            read_table(path).to_pylist(), json.loads(configs[folder.name])["rewards"]
        )
        for folder, path in zip(folders, inputs.metrics, strict=True)
    }
    figures = [
        ShownFigure.of(Path(path), caption_of(Path(path).stem, params), {"limit": params.limit})
        for path in inputs.figures
    ]
    sections = [
        Section("Main table", tables=main_tables(tables, inputs.categories, settings)),
        Section(
            "What did not go as planned",
            texts=troubles(
                provenance,
                summaries,
                tables["main"],
                constant,
                params.unfinished,
                [json.loads(Path(path).read_text()) for path in inputs.datasets],
            ),
        ),
        Section("Figures", figures=figures),
        Section("Every run", tables=[ShownTable.of(main_page(tables["main"], settings, params.metrics))]),
        Section(
            "Ablations",
            tables=[ShownTable.of(ablation_page(tables["ablations"], tables["arms"], settings))],
        ),
        Section("Comparisons", tables=[ShownTable.of(paired_page(tables["paired"], settings))]),
        Section("Cost", tables=[ShownTable.of(cost_page(tables["cost"]))]),
        *data_section(inputs, params),
        Section("What was run", tables=[ShownTable.of(runs_page(provenance))], files=configs),
    ]
    introduction = (
        f"{params.mark}{len(folders)} training runs on {len(params.benchmarks)} benchmarks. Every number "
        "comes from the stored samples under evaluation/; the tables are beside this page as CSV, Markdown "
        "and LaTeX."
    )
    write_text(output[0], summary_page(f"Experiment {params.name}", introduction, sections))


if __name__ == "__main__":
    load_from_environment()
    main(snakemake.input, snakemake.params, snakemake.output)

"""Write what became of the data: data and decontamination as .csv, .md, .html; each row and pair as .csv."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from gdpo.reporting.data_tables import data_page, data_rows, decontamination_page, decontamination_table
from gdpo.whole_file import write_text


def main(inputs: Any, params: Any, output: Any) -> None:
    """Read all reports and matches, make the tables, write them."""
    datasets, sets = (
        [json.loads(Path(p).read_text()) for p in paths] for paths in (inputs.datasets, inputs.sets)
    )
    matches = pd.concat([pd.read_csv(path) for path in inputs.matches], ignore_index=True)
    rows = data_rows(datasets, sets)
    page = data_page(datasets, sets, rows)
    decontaminated = decontamination_table(matches, params.against)
    write_text(output.rows, rows.to_csv(index=False))
    write_text(output.matches, matches.to_csv(index=False))
    write_text(output.data, page.shown.to_csv(index=False))
    write_text(output.decontamination, decontaminated.to_csv(index=False))
    other = decontamination_page(decontaminated, params.thresholds)
    for made, markdown, html in (
        (page, output.data_md, output.data_html),
        (other, output.decontamination_md, output.decontamination_html),
    ):
        write_text(markdown, made.markdown())
        write_text(html, made.html())


if __name__ == "__main__":
    main(snakemake.input, snakemake.params, snakemake.output)

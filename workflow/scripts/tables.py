"""Write the main table and the paired comparison: main and paired as .csv, .md, .html."""

from itertools import product
from typing import Any

import pandas as pd

from gdpo.reporting.tables import main_page, main_table, paired_page, paired_table
from gdpo.whole_file import write_text


def main(paths: Any, params: Any, output: Any) -> None:
    """Read all scores, make both tables, write each as CSV, Markdown and HTML."""
    keys = list(product(params.models, params.benchmarks))
    scores = {key: pd.read_parquet(path) for key, path in zip(keys, paths, strict=True)}
    settings = params.limit, params.confidence, params.resamples
    table = main_table(scores, params.models, *settings).sort_values("benchmark", kind="stable")
    paired = paired_table(scores, params.models, *settings).sort_values("benchmark", kind="stable")
    write_text(output.main, table.to_csv(index=False, float_format="%.4f"))
    for page, markdown, html in (
        (main_page(table, params.limit, params.confidence), output.main_md, output.main_html),
        (paired_page(paired, params.confidence), output.paired_md, output.paired_html),
    ):
        write_text(markdown, page.markdown())
        write_text(html, page.html())
    write_text(output.paired, paired.to_csv(index=False, float_format="%.4f"))


if __name__ == "__main__":
    main(snakemake.input.scores, snakemake.params, snakemake.output)

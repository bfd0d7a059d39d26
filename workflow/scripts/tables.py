"""Write the main table and the paired comparison: main.csv, main.md, paired.csv, paired.md."""

from itertools import product
from typing import Any

import pandas as pd

from gdpo.reporting.tables import main_markdown, main_table, paired_markdown, paired_table
from gdpo.whole_file import write_text


def main(paths: Any, params: Any, output: Any) -> None:
    """Read all scores, make both tables, write each as CSV and Markdown."""
    keys = list(product(params.models, params.benchmarks))
    scores = {key: pd.read_parquet(path) for key, path in zip(keys, paths, strict=True)}
    settings = params.limit, params.confidence, params.resamples
    table = main_table(scores, params.methods, *settings).sort_values("benchmark", kind="stable")
    paired = paired_table(scores, params.reference, *settings).sort_values("benchmark", kind="stable")
    write_text(output.main, table.to_csv(index=False, float_format="%.4f"))
    write_text(output.main_md, main_markdown(table, params.limit, params.confidence))
    write_text(output.paired, paired.to_csv(index=False, float_format="%.4f"))
    write_text(output.paired_md, paired_markdown(paired, params.confidence))


if __name__ == "__main__":
    main(snakemake.input.scores, snakemake.params, snakemake.output)

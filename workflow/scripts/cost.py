"""Write what training and evaluation cost: cost.csv, cost.md, cost.html."""

from itertools import product
from typing import Any

from gdpo.parquet import read_table
from gdpo.reporting.cost import cost_page, cost_table
from gdpo.whole_file import write_text


def main(inputs: Any, params: Any, output: Any) -> None:
    """Read training metrics and scores, add them up, write the table."""
    metrics = {
        run: read_table(path).to_pandas() for run, path in zip(params.devices, inputs.metrics, strict=True)
    }
    sampled = dict.fromkeys(params.models, 0)
    for (model, _), path in zip(product(params.models, params.benchmarks), inputs.scores, strict=True):
        sampled[model] += int(read_table(path, ["n_tokens"]).to_pandas()["n_tokens"].sum())
    table = cost_table(metrics, params.devices, sampled)
    page = cost_page(table)
    write_text(output.csv, table.to_csv(index=False, float_format="%.4f"))
    write_text(output.md, page.markdown())
    write_text(output.html, page.html())


if __name__ == "__main__":
    main(snakemake.input, snakemake.params, snakemake.output)

"""Write the result tables as .csv, .md, .html, .tex, the means over seeds, and numbers for LaTeX."""

from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from gdpo.config.published import read_published
from gdpo.parquet import read_table
from gdpo.plugins.loading import load_from_environment
from gdpo.reporting.ablation_table import ablation_page, ablation_table
from gdpo.reporting.paper_table import category_page, numbers, paper_page, paper_table
from gdpo.reporting.tables import (
    Evaluated,
    Page,
    Settings,
    arms_table,
    by_dataset,
    main_page,
    main_table,
    paired_page,
    paired_table,
)
from gdpo.whole_file import write_text


def write_table(table: pd.DataFrame, page: Page, output: Any, mark: str, name: str) -> None:
    """One table as CSV, and its page as Markdown, HTML and LaTeX, whose note begins with ``mark``."""
    page = page._replace(note=f"{mark}{page.note}")
    write_text(getattr(output, name), table.to_csv(index=False, float_format="%.4f"))
    for kind, text in (("md", page.markdown()), ("html", page.html()), ("tex", page.latex())):
        write_text(getattr(output, f"{name}_{kind}"), text)


def main(inputs: Any, params: Any, output: Any) -> None:
    """Read all scores and published figures, make the tables, write them."""
    settings = Settings(
        params.limit, params.confidence, params.resamples, tuple(params.shown), params.weights
    )
    keys = product(params.models, params.benchmarks)
    scores = {key: read_table(path).to_pandas() for key, path in zip(keys, inputs.scores, strict=True)}
    evaluated = Evaluated(scores, params.models, settings, params.metrics)
    table, arms, paired = main_table(evaluated), arms_table(evaluated), paired_table(evaluated)
    published = [figure._asdict() for path in inputs.published for figure in read_published(path)]
    paper = paper_table(arms, published, settings.shown)
    write = partial(write_table, output=output, mark=params.mark)
    write(table, main_page(table, settings, params.metrics), name="main")
    write(paired, paired_page(paired, settings), name="paired")
    write(paper, paper_page(paper, arms, settings), name="paper")
    changes = ablation_table(evaluated, params.ablations)
    write(changes, ablation_page(changes, arms, settings), name="ablations")
    if params.categories:
        parts = Evaluated(by_dataset(scores, params.categories), params.models, settings, params.metrics)
        means = arms_table(parts)
        write(means, category_page(means, settings), name="categories")
    write_text(output.arms, arms.to_csv(index=False, float_format="%.4f"))
    for name, text in numbers(arms, settings.shown).items():
        write_text(Path(output.numbers, f"{name}.tex"), text)


if __name__ == "__main__":
    load_from_environment()
    main(snakemake.input, snakemake.params, snakemake.output)

"""Draw paired differences to the starting model: paired_forest.png, paired_forest.pdf."""

import pandas as pd

from gdpo.plugins.loading import load_from_environment
from gdpo.reporting.forest import paired_forest
from gdpo.reporting.style import save, use_style

if __name__ == "__main__":
    load_from_environment()
    use_style()
    paired = pd.read_csv(snakemake.input.table)
    figure = paired_forest(paired, snakemake.params.samples, snakemake.params.confidence)
    save(figure, snakemake.output.png, snakemake.output.pdf)

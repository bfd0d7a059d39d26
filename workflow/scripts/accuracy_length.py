"""Draw accuracy against response length: accuracy_length.png, accuracy_length.pdf."""

import pandas as pd

from gdpo.plugins.loading import load_from_environment
from gdpo.reporting.figures_evaluation import accuracy_length
from gdpo.reporting.style import save, use_style

if __name__ == "__main__":
    load_from_environment()
    use_style()
    arms, runs = (pd.read_csv(path) for path in (snakemake.input.arms, snakemake.input.runs))
    figure = accuracy_length(arms, runs, snakemake.params.limit)
    save(figure, snakemake.output.png, snakemake.output.pdf)

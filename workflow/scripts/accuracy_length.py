"""Draw accuracy against response length: accuracy_length.png, accuracy_length.pdf."""

import pandas as pd

from gdpo.reporting.figures import accuracy_length
from gdpo.reporting.style import save, use_style

if __name__ == "__main__":
    use_style()
    table = pd.read_csv(snakemake.input.table)
    save(accuracy_length(table, snakemake.params.limit), snakemake.output.png, snakemake.output.pdf)

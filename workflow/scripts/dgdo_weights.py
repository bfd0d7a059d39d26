"""Draw DGDO's weights, instability and effective beta over training: dgdo_weights.png, dgdo_weights.pdf."""

import pandas as pd

from gdpo.reporting.figures import dgdo_weights
from gdpo.reporting.style import save, use_style

if __name__ == "__main__":
    use_style()
    params = snakemake.params
    runs: dict[str, list[pd.DataFrame]] = {}
    for path, facts in zip(snakemake.input.metrics, params.runs.values(), strict=True):
        runs.setdefault(facts["arm"], []).append(pd.read_parquet(path))
    save(dgdo_weights(runs, params.rewards), snakemake.output.png, snakemake.output.pdf)

"""Draw rewards and response length over training: training_curves.png, training_curves.pdf."""

from typing import Any

import pandas as pd

from gdpo.reporting.figures import training_curves
from gdpo.reporting.style import save, use_style


def read_runs(paths: list[str], runs: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """All runs' training metrics in one frame, with run, arm, method and seed."""
    frames = [
        pd.read_parquet(path).assign(run=name, **facts)
        for path, (name, facts) in zip(paths, runs.items(), strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


if __name__ == "__main__":
    use_style()
    params = snakemake.params
    data = read_runs(snakemake.input.metrics, params.runs)
    save(training_curves(data, params.rewards, params.limit), snakemake.output.png, snakemake.output.pdf)

"""Draw distributions of response lengths: length_distributions.png, length_distributions.pdf."""

from itertools import product
from typing import Any

import pandas as pd

from gdpo.parquet import read_table
from gdpo.plugins.loading import load_from_environment
from gdpo.reporting.figures_evaluation import length_distributions
from gdpo.reporting.style import save, use_style


def read_lengths(paths: list[str], models: dict[str, dict[str, Any]], benchmarks: list[str]) -> pd.DataFrame:
    """Lengths of all models' scored samples in one frame, with benchmark, arm, method and start."""
    frames = []
    for path, (model, benchmark) in zip(paths, product(models, benchmarks), strict=True):
        scores = read_table(path, ["problem_id", "n_tokens", "stop_reason"]).to_pandas()
        facts = {key: models[model][key] for key in ("arm", "method", "start")}
        frames.append(scores.assign(benchmark=benchmark, run=model, **facts))
    return pd.concat(frames, ignore_index=True)


if __name__ == "__main__":
    load_from_environment()
    use_style()
    params = snakemake.params
    scores = read_lengths(snakemake.input.scores, params.models, params.benchmarks)
    save(length_distributions(scores, params.limit), snakemake.output.png, snakemake.output.pdf)

"""Draw rewards and response length over training: training_curves.png, training_curves.pdf."""

from gdpo.plugins.loading import load_from_environment
from gdpo.reporting.figures_training import read_runs, training_curves
from gdpo.reporting.style import save, use_style

if __name__ == "__main__":
    load_from_environment()
    use_style()
    params = snakemake.params
    runs = read_runs(snakemake.input.metrics, params.runs)
    figure = training_curves(runs, params.rewards, params.within, params.limit, params.batch)
    save(figure, snakemake.output.png, snakemake.output.pdf)

"""Draw DGDO's weights, instability and effective beta over training: dgdo_weights.png, dgdo_weights.pdf."""

from gdpo.plugins.loading import load_from_environment
from gdpo.reporting.figures_training import dgdo_weights, read_runs
from gdpo.reporting.style import save, use_style

if __name__ == "__main__":
    load_from_environment()
    use_style()
    runs = read_runs(snakemake.input.metrics, snakemake.params.runs)
    save(dgdo_weights(runs, snakemake.params.rewards), snakemake.output.png, snakemake.output.pdf)

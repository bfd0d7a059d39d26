"""Draw accuracy and exceed by the weight of the length reward: reward_weights.png, reward_weights.pdf."""

import pandas as pd

from gdpo.plugins.loading import load_from_environment
from gdpo.reporting.reward_weights import reward_weights
from gdpo.reporting.style import save, use_style

if __name__ == "__main__":
    load_from_environment()
    use_style()
    arms = pd.read_csv(snakemake.input.arms)
    save(reward_weights(arms, snakemake.params.sweep), snakemake.output.png, snakemake.output.pdf)

"""The figures that every study has, registered as a plug-in's are; their captions are in workflow/report.

What draws one is imported when it is drawn: each call of Snakemake reads this file.
"""

from typing import Any

from gdpo.plugins import figure


@figure
def training_curves(training: Any, rewards: Any, within: Any, limit: int, batch: str) -> Any:
    """Rewards and response length over training."""
    from gdpo.reporting.figures_training import training_curves as draw

    return draw(training, rewards, within, limit, batch)


@figure(title="accuracy against length")
def accuracy_length(arms: Any, models: Any, limit: int) -> Any:
    """Accuracy against response length."""
    from gdpo.reporting.figures_evaluation import accuracy_length as draw

    return draw(arms, models, limit)


@figure(title="differences to the starting model")
def paired_forest(paired: Any, samples: int, confidence: float) -> Any:
    """Paired differences to the starting model."""
    from gdpo.reporting.forest import paired_forest as draw

    return draw(paired, samples, confidence)


@figure(title="response lengths")
def length_distributions(scores: Any, limit: int) -> Any:
    """How long responses are, and how many are over the limit."""
    from gdpo.reporting.figures_evaluation import length_distributions as draw

    return draw(scores, limit)


@figure(title="weight of the length reward")
def reward_weights(arms: Any, sweep: Any) -> Any:
    """Accuracy and exceed by the weight of the length reward."""
    from gdpo.reporting.reward_weights import reward_weights as draw

    return draw(arms, sweep)


@figure(title="DGDO weights", of_method="dgdo")
def dgdo_weights(training: Any, rewards: Any) -> Any:
    """DGDO's weights, instability and effective beta over training."""
    from gdpo.reporting.figures_training import dgdo_weights as draw

    return draw(training, rewards)


@figure(title="distinct advantage groups", data=True)
def advantage_groups() -> Any:
    """What each estimator can tell apart, counted exactly; needs no model."""
    from gdpo.reporting.analytic import advantage_group_counts, plot_advantage_groups

    counts = advantage_group_counts()
    return plot_advantage_groups(counts), counts


@figure(title="DGDO's weights, published and corrected", data=True)
def dgdo_saturation() -> Any:
    """DGDO's weights, published and corrected, on one synthetic stream of rewards; needs no model."""
    from gdpo.reporting.analytic import dgdo_weight_traces, plot_dgdo_saturation

    traces = dgdo_weight_traces()
    return plot_dgdo_saturation(traces), traces

"""What a registered figure may be drawn from."""

DRAWN_FROM = {
    "arms": "data frame, a row an arm and benchmark: metrics with `_low` and `_high`; arm, method, start",
    "models": "the same, a row a model (a run, or a starting model): run, config, arm, method, start",
    "paired": "data frame, a row a paired comparison, benchmark and metric: difference, low, high, p_value",
    "training": "data frame, a row a run and step: all metrics by name; run, arm, method, start, seed",
    "scores": "data frame, a row a sample: problem_id, n_tokens, stop_reason; benchmark, run, arm, method",
    "name": "the experiment's name",
    "rewards": "names of the rewards",
    "within": "names of the rewards whose mean is the share of responses within the limit",
    "limit": "response-length limit, in tokens",
    "batch": "size of a training batch, in words",
    "samples": "samples a problem",
    "confidence": "level of the intervals",
    "sweep": "arm -> kind and weight of its length reward, where arms differ in that alone",
}
"""What a figure may take -> what it is."""

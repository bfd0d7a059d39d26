"""What training and evaluation cost: device hours and tokens."""

from collections.abc import Mapping

import pandas as pd

from gdpo.reporting.tables import Page

STEP_SECONDS, STEP_TOKENS = "timing_s/step", "perf/total_num_tokens"
"""veRL's metrics: seconds of a step, and tokens of its prompts and responses."""


def cost_table(
    metrics: Mapping[str, pd.DataFrame], devices: Mapping[str, int], sampled: Mapping[str, int]
) -> pd.DataFrame:
    """One row a model: training steps, device hours and tokens, and tokens sampled for its evaluation.

    Args:
        metrics: run -> training metrics, one row a step.
        devices: run -> devices that trained it.
        sampled: model -> tokens of all its responses in the evaluation.
    """
    rows = []
    for model, tokens in sampled.items():
        steps = metrics.get(model, pd.DataFrame(columns=[STEP_SECONDS, STEP_TOKENS]))
        rows.append(
            {
                "model": model,
                "training steps": len(steps),
                "devices": devices.get(model, 0),
                "device hours": steps[STEP_SECONDS].sum() * devices.get(model, 0) / 3600,
                "tokens trained on": int(steps[STEP_TOKENS].sum()),
                "tokens sampled in evaluation": tokens,
            }
        )
    return pd.DataFrame(rows)


def cost_page(table: pd.DataFrame) -> Page:
    """The table with its sums."""
    total = table.sum(numeric_only=True)
    shown = table.assign(**{"device hours": table["device hours"].map("{:.3f}".format)})
    for column in ("tokens trained on", "tokens sampled in evaluation"):
        shown[column] = table[column].map("{:,}".format)
    return Page(
        shown,
        f"In all {total['device hours']:.3f} device hours of training steps (a device is a GPU, or on cpu "
        f"the machine; start-up is not counted), {total['tokens trained on']:,.0f} tokens trained on, "
        f"{total['tokens sampled in evaluation']:,.0f} sampled.",
    )

"""Figures that need no training: what each estimator can tell apart, and where DGDO's weights go.

**Distinct advantage groups** (arXiv 2601.05242, on reward collapse). A group of G responses has K binary
rewards each. Every combination of reward vectors that the group can have, in any order, is put through an
estimator; two combinations are the same advantage group if their advantages are the same as multisets. So the
count is how many different training signals the estimator can send. The batch step of GDPO is left out, as in
the paper: it shifts and scales all groups alike and merges none. The paper's toy case, G = K = 2, has 2 for
GRPO and 3 for GDPO.

**DGDO's weights** under ``published`` and ``corrected`` on one and the same synthetic stream of rewards.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement, product

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gdpo.advantage import DGDOConfig, GDPOConfig, GRPOConfig, estimate, gdpo, grpo
from gdpo.reporting.style import WIDTH, method_style, reward_style

LARGEST_ENUMERATION = 2_000_000  # combinations of one setting, about 2 GB of work
# Two advantages are one if they agree to DIGITS: far above what TINY and float64 can change (about 1e-8), far
# below what tells two advantages apart (a test compares the counts with exact algebra).
TINY = 1e-9
DIGITS = 6
VARIANTS = ("published", "corrected")
METHOD_STYLES = {"GRPO": "grpo", "GRPO without std": "dr_grpo", "GDPO": "gdpo"}


def advantage_group_counts(
    responses: Sequence[int] = (2, 3, 4, 5, 6, 8, 10, 12, 14, 16), rewards: Sequence[int] = (1, 2, 3, 4, 5)
) -> pd.DataFrame:
    """Distinct advantage groups of each method, exactly, by enumeration.

    Two series: ``responses`` in a group grow with 2 binary rewards; ``rewards`` grow with 4 responses.
    Columns: ``series`` ("responses" or "rewards"), ``responses``, ``rewards``, ``combinations`` (reward
    combinations enumerated), ``method`` ("GRPO", "GRPO without std", "GDPO") and ``count``. Raises ValueError
    for fewer than 2 responses, no reward, or more than 2 million combinations (7 rewards of 4 responses).
    """
    settings = [("responses", g, 2) for g in responses] + [("rewards", 4, k) for k in rewards]
    rows = []
    for series, group, count in settings:
        combinations = reward_combinations(group, count)
        for method, distinct in _distinct(combinations).items():
            rows.append((series, group, count, len(combinations), method, distinct))
    return pd.DataFrame(rows, columns=["series", "responses", "rewards", "combinations", "method", "count"])


def reward_combinations(responses: int, rewards: int) -> np.ndarray:
    """[C, G, K] every multiset of G binary reward vectors of length K: C = binomial(G + 2^K - 1, G)."""
    if responses < 2 or rewards < 1:
        raise ValueError(f"{responses} responses and {rewards} rewards; allowed: at least 2 and 1")
    kinds = 2**rewards
    count = math.comb(responses + kinds - 1, responses)
    if count > LARGEST_ENUMERATION:
        raise ValueError(
            f"{responses} responses and {rewards} rewards have {count:,} combinations; allowed: at most"
            f" {LARGEST_ENUMERATION:,}"
        )
    vectors = np.array(list(product((0.0, 1.0), repeat=rewards)))
    members = combinations_with_replacement(range(kinds), responses)
    return vectors[np.fromiter(members, dtype=(np.int64, responses), count=count)]


def _distinct(combinations: np.ndarray) -> dict[str, int]:
    """Distinct advantage groups among [C, G, K] reward combinations, for each method."""
    count, group, rewards = combinations.shape
    columns = torch.from_numpy(combinations).reshape(count * group, rewards).T
    named = {f"reward {number}": column for number, column in enumerate(columns)}
    owners = torch.arange(count).repeat_interleave(group)
    advantages = {
        "GRPO": grpo(named, owners, GRPOConfig(epsilon=TINY)),
        "GRPO without std": grpo(named, owners, GRPOConfig(normalize_by_std=False)),
        "GDPO": gdpo(named, owners, GDPOConfig(batch_statistics="none", epsilon=TINY)),
    }
    return {
        method: _count_multisets(values.reshape(count, group).numpy())
        for method, values in advantages.items()
    }


def _count_multisets(advantages: np.ndarray) -> int:
    """How many rows of [C, G] differ as multisets."""
    rounded = np.sort(np.round(advantages, DIGITS) + 0.0, axis=1)  # + 0.0 turns -0.0 into 0.0
    return len(np.unique(rounded, axis=0))


def reward_stream(steps: int, prompts: int, responses: int, seed: int) -> Iterable[dict[str, torch.Tensor]]:
    """``steps`` batches of two 0/1 rewards as a run might see: correctness rises, length is soon learned.

    Each prompt has its own difficulty; the probability of a correct answer rises from about 0.3 to 0.6 and
    that of a short one from 0.5 to 0.9. Responses of a prompt are consecutive. The same ``seed`` gives the
    same stream.
    """
    random = np.random.default_rng(seed)
    for step in range(steps):
        progress = step / max(steps - 1, 1)
        easiness = random.normal(0.0, 1.0, prompts)
        logits = {
            "correctness": -0.85 + 1.25 * progress + easiness,
            "length": 2.2 * progress + 0.5 * easiness,
        }
        batch = {}
        for name, logit in logits.items():
            chance = np.repeat(1 / (1 + np.exp(-logit)), responses)
            batch[name] = torch.from_numpy((random.random(prompts * responses) < chance).astype(np.float32))
        yield batch


def dgdo_weight_traces(
    steps: int = 150, prompts: int = 64, responses: int = 16, seed: int = 0, **settings: object
) -> pd.DataFrame:
    """DGDO's weights at every step under both variants, on the same stream of rewards.

    ``settings`` replace published settings of :class:`gdpo.advantage.DGDOConfig` (beta 0.9, warm-up 10,
    beta_start 0.5 over 200 steps, min_weight 0.15) for both variants. Columns: ``variant``, ``step``,
    ``reward``, ``weight`` (as used, after the floor), ``instability`` and ``min_weight``. Only the weights
    are shown, so both variants take response statistics and no lengths are needed.
    """
    published = {
        "warmup_steps": 10,
        "beta_start": 0.5,
        "beta_warmup_steps": 200,
        "batch_statistics": "responses",
    }
    configs = {variant: DGDOConfig(variant=variant, **(published | settings)) for variant in VARIANTS}
    groups = np.repeat(np.arange(prompts), responses)
    states, rows = dict.fromkeys(VARIANTS), []
    for rewards in reward_stream(steps, prompts, responses, seed):
        for variant, config in configs.items():
            result = estimate("dgdo", rewards, groups, config=config, state=states[variant])
            states[variant] = result.state
            for name in rewards:
                seen = [result.metrics[f"dgdo/reward_{name}/{key}"] for key in ("weight", "instability")]
                rows.append((variant, result.state["step"], name, *seen, config.min_weight))
    return pd.DataFrame(rows, columns=["variant", "step", "reward", "weight", "instability", "min_weight"])


def plot_advantage_groups(counts: pd.DataFrame) -> Figure:
    """Two panels of :func:`advantage_group_counts`: responses grow, rewards grow; counts on a log scale."""
    figure = Figure(figsize=(WIDTH, 2.6))
    panels = figure.subplots(1, 2, sharey=True)
    fixed = {"responses": "2 binary rewards", "rewards": "4 responses"}
    for panel, (series, title) in zip(panels, fixed.items(), strict=True):
        _plot_series(panel, counts[counts["series"] == series], series, title)
    panels[0].set_ylabel("distinct advantage groups")
    panels[0].legend()
    return figure


def _plot_series(panel: Axes, counts: pd.DataFrame, series: str, title: str) -> None:
    for method, style in METHOD_STYLES.items():
        line = counts[counts["method"] == method].sort_values(series)
        panel.plot(line[series], line["count"], label=method, **method_style(style))
    panel.set(yscale="log", title=title, xlabel=f"{series} in a group" if series == "responses" else series)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))


def plot_dgdo_saturation(traces: pd.DataFrame) -> Figure:
    """One panel a variant of :func:`dgdo_weight_traces`: each weight by step, and the floor asked for."""
    figure = Figure(figsize=(WIDTH, 2.6))
    panels = figure.subplots(1, len(VARIANTS), sharey=True)
    for panel, variant in zip(panels, VARIANTS, strict=True):
        trace = traces[traces["variant"] == variant]
        for i, (name, line) in enumerate(trace.groupby("reward", sort=False)):
            panel.plot(line["step"], line["weight"], label=name, **reward_style(i))
        floor = trace["min_weight"].iloc[0]
        panel.axhline(floor, color="0.5", linewidth=0.8, linestyle=":", label="min_weight")
        panel.set(title=f"DGDO {variant}", xlabel="training step", ylim=(0, 1))
    panels[0].set_ylabel("weight")
    panels[-1].legend()
    return figure

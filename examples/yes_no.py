"""Yes/no questions: every kind of thing that a plug-in can bring, in one file.

config/yes-no.yaml trains, evaluates and draws with it: snakemake --profile laptop --config experiment=yes-no.
docs/extending.md goes through it.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure
from pydantic import PositiveInt

from gdpo.advantage import RewardBatch, RewardConfig, Step
from gdpo.plugins import figure, grader, method, metric, reward, source
from gdpo.rewards import Response
from gdpo.tasks import Problem, Verdict


@source
def comparisons(*, size: PositiveInt, seed: int = 0) -> Iterator[dict]:
    """Questions such as ``Is 47 greater than 35?``, half of them with the answer yes."""
    draw = random.Random(seed)
    for i in range(size):
        low, high = sorted(draw.sample(range(10, 1000), 2))
        first, second = (high, low) if i % 2 else (low, high)
        yield {
            "problem": f"Is {first} greater than {second}?",
            "answer": "yes" if first > second else "no",
            "difference": high - low,
        }


def said(text: str) -> str | None:
    """The first ``yes`` or ``no`` of a text, in lower case."""
    found = re.search(r"\b(yes|no)\b", text, re.IGNORECASE)
    return found[1].lower() if found else None


@grader
def yes_no(response: str, problem: Problem) -> Verdict:
    """The first yes or no counts; no box is needed."""
    answer = said(response)
    return Verdict("correct" if answer in problem.gold.answers else "wrong", answer)


@reward(range=(0, 1))
def names_the_numbers(response: Response) -> float:
    """Share of the question's numbers that the response says again: a reward that reads the prompt."""
    asked = re.findall(r"\d+", response.problem.question)
    given = set(re.findall(r"\d+", response.text))
    return sum(number in given for number in asked) / len(asked) if asked else 0.0


@dataclass(frozen=True, kw_only=True)
class RankConfig(RewardConfig):
    """Settings of the method ``rank``."""

    memory: float = 0.9
    """How much of the moving average of a reward's usefulness stays at each step, from 0 to 1."""


@dataclass(frozen=True)
class RankState:
    """What ``rank`` carries from step to step."""

    steps: int
    useful: dict[str, float]
    """Reward -> moving average of the share of groups in which it varies."""


@method(config=RankConfig, state=RankState, label="rank")
def rank(batch: RewardBatch, config: RankConfig, state: RankState | None) -> Step:
    """Each reward gives a response its rank in the group, from -1 to 1; useful rewards count more.

    A reward's rank is the share of the group that it beats minus the share that beats it. A reward counts by
    how often it has varied lately, so that one which teaches nothing does not thin out the others.
    """
    ranks = batch.values.new_zeros(batch.values.shape)
    for group in range(len(batch.groups.ids)):
        members = batch.groups.index == group
        values = batch.values[:, members]
        ranks[:, members] = (values.unsqueeze(2) - values.unsqueeze(1)).sign().mean(2)
    now = batch.varies.double().mean(1)
    before = batch.column(state.useful).squeeze(1) if state else now
    useful = config.memory * before + (1 - config.memory) * now
    terms = batch.column(config.weights) * useful.unsqueeze(1) * ranks
    kept = RankState((state.steps if state else 0) + 1, dict(zip(batch.names, useful.tolist(), strict=True)))
    metrics = {f"rank/useful/{name}": value for name, value in kept.useful.items()}
    return Step(terms, terms.sum(0), kept, {"rank/steps": kept.steps, **metrics})


@metric(label="says yes or no")
def answered(response: Response) -> float:
    """share of samples that say yes or no"""
    return float(said(response.text) is not None)


@figure(title="accuracy by arm")
def accuracy_by_arm(arms: pd.DataFrame) -> Figure:
    """Accuracy of each arm on each benchmark, with its interval."""
    drawn = Figure(figsize=(6.9, 2.5))
    axes = drawn.subplots(1, arms["benchmark"].nunique(), squeeze=False)[0]
    for axis, (benchmark, rows) in zip(axes, arms.groupby("benchmark", sort=False), strict=True):
        spread = [rows["accuracy"] - rows["accuracy_low"], rows["accuracy_high"] - rows["accuracy"]]
        axis.errorbar(rows["accuracy"] * 100, rows["arm"], xerr=[100 * side for side in spread], fmt="o")
        axis.set(title=benchmark, xlabel="accuracy (%)", xlim=(0, 100))
    drawn.tight_layout()
    return drawn

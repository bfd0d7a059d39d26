"""The page at the end of a rehearsal: what each stage saw, and what would stop the real run."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from gdpo.reporting.summary import Section, ShownTable
from gdpo.reporting.tables import Page
from gdpo.statistics.constant_rewards import zero_std_share

Facts = Mapping[str, Any]


class Seen(NamedTuple):
    """What a rehearsal left behind."""

    models: Mapping[str, Facts]
    """Model -> ``rehearsal`` of its manifest."""
    datasets: Sequence[Facts]
    """Reports of the cleaned datasets."""
    sets: Sequence[Facts]
    """Reports of the problem sets."""
    runs: Mapping[str, Mapping[str, str]]
    """Run -> its arm and model."""
    metrics: Mapping[str, pd.DataFrame]
    """Run -> its training metrics, one row a step."""
    responses: pd.DataFrame
    """A few responses: text, verdict, n_tokens and a column a reward."""
    outputs: Sequence[str]
    """Tables, figures and pages that were made."""


def findings(real: Sequence[str], models: Mapping[str, Facts]) -> list[str]:
    """What would stop or spoil the real run, a sentence each.

    Args:
        real: what its config and this machine told (:mod:`gdpo.rehearsal.real_run`).
        models: model -> ``rehearsal`` of its manifest.
    """
    of_models = [
        f"models.{name}: {problem}" for name, facts in models.items() for problem in facts["problems"]
    ]
    return [*real, *of_models]


def sections(seen: Seen, problems: Sequence[str]) -> list[Section]:
    """The page's parts, in the order of the stages."""
    return [
        Section("What would stop the real run", texts=problems or ["Nothing that a rehearsal can see."]),
        Section("Data", tables=[ShownTable.of(_data(seen))]),
        Section(
            "Models and prompts", tables=[ShownTable.of(_models(seen.models))], files=_prompts(seen.models)
        ),
        Section("Training", tables=[ShownTable.of(_training(seen.runs, seen.metrics))]),
        Section("Responses", tables=[ShownTable.of(_responses(seen.responses))]),
        Section("What was made", texts=[f"{len(seen.outputs)} files: {', '.join(seen.outputs)}."]),
    ]


def _data(seen: Seen) -> Page:
    rows = [
        {"": report["dataset"], "from": report["origin"], "rows": report["read"], "usable": report["kept"]}
        for report in seen.datasets
    ]
    reported = {report["name"] for report in seen.sets}
    sizes = next(iter(seen.models.values()))["prompts"]
    rows += [
        {"": f"problem set {name}", "from": "made here", "rows": found["prompts"], "usable": found["prompts"]}
        for name, found in sizes.items()
        if name not in reported
    ]
    rows += [
        {
            "": f"problem set {report['name']}",
            "from": "datasets above",
            "rows": report["read"],
            "usable": report["kept"] + report["not_needed"],
        }
        for report in seen.sets
    ]
    note = (
        "Every row of a dataset was read and cleaned, and training problems that a benchmark holds were "
        "removed, as in the real run; the rehearsal goes on with a few of each set."
    )
    return Page(pd.DataFrame(rows), note)


def _models(models: Mapping[str, Facts]) -> Page:
    rows = []
    for name, facts in models.items():
        prompts = facts["prompts"]["train"]
        weights = facts["weights_gb"]
        rows.append(
            {
                "model": name,
                "from": facts["origin"],
                "architecture": facts["model_type"],
                "weights": "made here" if weights is None else f"{weights:.1f} GB",
                "context": facts["context"],
                "ends at": " ".join(facts["ends_at"]),
                "prompt opens reasoning": "yes" if facts["reasoning_open"] else "no",
                "training prompts": prompts["prompts"],
                "median / longest (tokens)": f"{prompts['median']} / {prompts['longest']}",
                "too long": prompts["over"],
            }
        )
    note = (
        "Prompts are all of the real training set, rendered and counted with the model's own tokenizer; too "
        "long: longer than training.max_prompt_length, left out. The weights themselves were not fetched."
    )
    return Page(pd.DataFrame(rows), note)


def _prompts(models: Mapping[str, Facts]) -> dict[str, str]:
    return {f"A rendered prompt of {name}": facts["prompt"] for name, facts in models.items()}


def _training(runs: Mapping[str, Mapping[str, str]], metrics: Mapping[str, pd.DataFrame]) -> Page:
    rows = []
    for id, table in metrics.items():
        row = {"run": runs[id]["arm"], "model": runs[id]["model"], "steps": int(table["step"].max())}
        row |= {f"{name} varies in": f"{share:.0%}" for name, share in varying(table).items()}
        rows.append(row | {"longest response": f"{table['response_length/max'].max():.0f}"})
    note = (
        "Varies in: share of groups in which the reward differs between responses; where it is 0 %, the "
        "reward taught nothing here. The models are tiny and half know these problems: the shares say that "
        "rewards work, not how often they will vary."
    )
    return Page(pd.DataFrame(rows).fillna(""), note)


def varying(metrics: pd.DataFrame) -> dict[str, float]:
    """Reward -> share of groups in which it varied, over all steps."""
    begin, end = zero_std_share("\0").split("\0")
    names = [c[len(begin) : -len(end)] for c in metrics if c.startswith(begin) and c.endswith(end)]
    return {name: 1 - metrics[zero_std_share(name)].mean() for name in names}


def _responses(responses: pd.DataFrame) -> Page:
    return Page(responses, "Of the first run's model to its first benchmark, judged and rewarded.")

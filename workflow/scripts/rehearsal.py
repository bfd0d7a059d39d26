"""Write the rehearsal's page, and what would stop the real run as JSON."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from gdpo.config.run import load_run_config
from gdpo.parquet import read_table
from gdpo.plugins.loading import load_from_environment
from gdpo.rehearsal.page import Seen, findings, sections
from gdpo.reporting.summary import summary_page
from gdpo.rewards import Scorer
from gdpo.tasks import Problem, from_opening_tag, leaves_reasoning_open
from gdpo.whole_file import write_text

SHOWN = 3


def judged_responses(samples: Path, problems: Path, config: Path) -> pd.DataFrame:
    """A few responses with verdict, length and the rewards of a run."""
    asked = read_table(problems).to_pylist()
    known = {row["extra_info"]["id"]: Problem.of(row) for row in asked}
    rows = read_table(samples).slice(0, SHOWN).to_pylist()
    texts = [from_opening_tag(row["text"], leaves_reasoning_open(row["prompt"])) for row in rows]
    scorer = Scorer(load_run_config(config).specs())
    rewards = scorer(texts, [row["token_ids"] for row in rows], [known[row["problem_id"]] for row in rows])
    shown = []
    for text, row, found in zip(texts, rows, rewards, strict=True):
        gold = ", ".join(known[row["problem_id"]].gold.answers)
        shown.append({"response": text, "tokens": row["n_tokens"], "gold": gold} | found)
    return pd.DataFrame(shown)


def main(inputs: Any, params: Any, output: Any) -> None:
    """Read what the rehearsal left, and write its page."""
    folders = [Path(path).parent for path in inputs.summaries]
    models = {
        name: json.loads(Path(path).read_text())["rehearsal"]
        for name, path in zip(params.starts, inputs.manifests, strict=True)
    }
    datasets, sets = (
        [json.loads(Path(p).read_text()) for p in paths] for paths in (inputs.datasets, inputs.sets)
    )
    seen = Seen(
        models=models,
        datasets=datasets,
        sets=sets,
        runs=params.runs,
        metrics={
            folder.name: read_table(path).to_pandas()
            for folder, path in zip(folders, inputs.metrics, strict=True)
        },
        responses=judged_responses(Path(inputs.samples), Path(inputs.problems), folders[0] / "config.json"),
        outputs=[Path(path).name for path in inputs.outputs],
    )
    problems = findings(params.real, models)
    introduction = (
        f"The study {params.name} at toy size: its own config, data, chat templates, rewards, rules, tables "
        "and figures; tiny models, few problems, short responses, one seed, CPUs. No number here says "
        "anything of the real study. Not seen: the weights, a GPU, memory, speed."
    )
    write_text(
        output.page, summary_page(f"Rehearsal of {params.name}", introduction, sections(seen, problems))
    )
    write_text(
        output.findings, json.dumps({"experiment": params.name, "would_stop": problems}, indent=2) + "\n"
    )


if __name__ == "__main__":
    load_from_environment()
    main(snakemake.input, snakemake.params, snakemake.output)

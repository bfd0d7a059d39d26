"""Stage 6: figures, the package's and a plug-in's, as PNG and PDF: a rule for each that is registered."""

from typing import Any

from gdpo.config.length_reward import weight_sweep
from gdpo.plugins import FIGURES as BY_NAME
from gdpo.plugins.loading import drawing_code

# Code is compared by what it does (drawing_code); this is none.
STYLE = library("reporting/gdpo.mplstyle")
TRAINING_METRICS = expand(f"{RESULTS}/runs/{{run}}/metrics.parquet", run=RUNS)
RUN_FACTS = {
    id: {
        "arm": run.arm,
        "method": run.config.shown_as(),
        "start": run.model,
        "seed": run.seed,
    }
    for id, run in RUNS.items()
}
REWARDS = list(
    dict.fromkeys(name for run in RUNS.values() for name in run.config.rewards)
)
# Their mean is the share of responses within the limit, in every run.
WITHIN_REWARDS = [
    name
    for name in REWARDS
    if all(
        run.config.specs()[name].function == "length"
        and run.config.specs()[name].condition is None
        for run in RUNS.values()
        if name in run.config.rewards
    )
]
BATCHES = dict.fromkeys(
    f"{run.config.training.train_batch_size} problems × {run.config.training.responses_per_prompt} responses"
    for run in RUNS.values()
)
# Arm -> kind and weight of its length reward; empty where no arms differ in that weight alone.
WEIGHT_SWEEP = {
    arm: reward._asdict() for arm, reward in weight_sweep(RUNS.values()).items()
}


# What figures draw from, as files and as values: gdpo.plugins.DRAWN_FROM.
OF_TABLES = {"arms": "arms", "models": "main", "paired": "paired"}
FACTS = {
    "name": EXPERIMENT.name,
    "rewards": REWARDS,
    "within": WITHIN_REWARDS,
    "limit": EXPERIMENT.length_limit(),
    "batch": " or ".join(BATCHES),
    "samples": EXPERIMENT.config.evaluation.sampling.n,
    "confidence": EXPERIMENT.config.evaluation.confidence,
    "sweep": WEIGHT_SWEEP,
}


def runs_drawn(figure: str) -> dict[str, dict[str, Any]]:
    """Facts of the runs whose training a figure draws."""
    method = BY_NAME[figure].of_method
    return {
        id: known
        for id, known in RUN_FACTS.items()
        if method in (None, known["method"])
    }


def is_drawn(figure: str) -> bool:
    """Whether there is anything that the figure would show."""
    empty = [name for name in BY_NAME[figure].takes if FACTS.get(name) in ({}, [])]
    return bool(runs_drawn(figure)) and not set(empty) - {"within"}


def figure_inputs(figure: str) -> dict[str, Any]:
    """Files that a figure is drawn from, and those that say how."""
    takes = BY_NAME[figure].takes
    files = {
        name: f"{RESULTS}/tables/{OF_TABLES[name]}.csv"
        for name in takes
        if name in OF_TABLES
    }
    if "training" in takes:
        files["training"] = [
            f"{RESULTS}/runs/{id}/metrics.parquet" for id in runs_drawn(figure)
        ]
    if "scores" in takes:
        files["scores"] = SCORES
    return files | {"script": script_file("figure.py"), "style": STYLE}


def figure_outputs(figure: str) -> dict[str, str]:
    """PNG and PDF; the PNG goes into the report, with the caption of its name or the function's docstring."""
    own = Path(workflow.basedir, "report", f"{figure}.rst").exists()
    files = {kind: f"{RESULTS}/figures/{figure}.{kind}" for kind in ("png", "pdf")}
    files["png"] = report(
        files["png"],
        category="Figures",
        caption=f"../report/{figure if own else 'figure'}.rst",
        labels={"figure": BY_NAME[figure].title},
    )
    return files | (
        {"data": f"{RESULTS}/figures/{figure}.csv"} if BY_NAME[figure].data else {}
    )


def figure_params(figure: str) -> dict[str, Any]:
    """Values that a figure is drawn from, and the code that draws it."""
    takes = BY_NAME[figure].takes
    values = {name: FACTS[name] for name in takes if name in FACTS}
    if "training" in takes:
        values["runs"] = runs_drawn(figure)
    if "scores" in takes:
        values |= {"models": MODEL_FACTS, "benchmarks": BENCHMARKS}
    return values | {
        "figure": figure,
        # Functions: Snakemake would read braces in a text as wildcards, and a job of another rule hashes no code.
        "caption": lambda wildcards: BY_NAME[figure].caption,
        "code": lambda wildcards: drawing_code(figure),
        **({"labels": METHOD_LABELS} if METHOD_LABELS and takes else {}),
        # A caption may say it.
        **({"limit": FACTS["limit"]} if takes else {}),
    }


# The package's own, where there is something to show, and those that the experiment asks for.
DRAWN = [
    name
    for name in BY_NAME
    if (file_of(BY_NAME, name) is None and is_drawn(name))
    or name in EXPERIMENT.config.figures
]


FIGURES_GROUP = "report" if GPUS else None


for FIGURE in DRAWN:

    rule:
        """A registered figure."""
        name:
            FIGURE
        input:
            **figure_inputs(FIGURE),
        output:
            **figure_outputs(FIGURE),
        log:
            f"{LOGS}/figures/{FIGURE}.log",
        benchmark:
            f"{LOGS}/figures/{FIGURE}.benchmark.tsv"
        # As the profile says of tables and pages, which stand before and after; it knows no plug-in's name.
        group:
            FIGURES_GROUP
        threads: 1
        resources:
            **ON_CPU,
            mem_mb=(
                scores_mem_mb(len(SCORES), SAMPLING)
                if "scores" in BY_NAME[FIGURE].takes
                else 1500
            ),
            runtime=20,
        params:
            **figure_params(FIGURE),
        message:
            f"Figure: {BY_NAME[FIGURE].title}"
        script:
            "../scripts/figure.py"

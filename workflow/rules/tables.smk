"""Stage 5: tables, from scored samples."""

from gdpo.config.ablations import ablations
from gdpo.config.length_reward import published_as
from gdpo.plugins.loading import file_of

# Of plug-ins' methods: another one makes tables and figures again.
METHOD_LABELS = {
    run.config.method: registries.METHODS[run.config.method].label
    for run in RUNS.values()
    if file_of(registries.METHODS, run.config.method)
}
# What tables and figures call each model; the run's hash is its own column.
MODEL_FACTS = {
    **{
        name: {
            "run": name,
            "config": "",
            "arm": name,
            "method": "start",
            "start": name,
            "length": "",
        }
        for name in STARTS
    },
    **{
        id: {
            "run": run.name,
            "config": id.removeprefix(f"{run.name}-"),
            "arm": run.arm,
            "method": run.config.shown_as(),
            "start": run.model,
            # Published figures are shown beside arms of the same rewards.
            "length": published_as(run.config),
        }
        for id, run in RUNS.items()
    },
    **{
        name: {
            "run": name,
            "config": "",
            "arm": name,
            "method": "other",
            "start": outputs.start,
            "length": "",
        }
        for name, outputs in OUTPUTS.items()
    },
}


SCORES = expand(
    f"{RESULTS}/evaluation/{{model}}/{{benchmark}}/scores.parquet",
    model=MODELS,
    benchmark=BENCHMARKS,
)


def table_outputs(name: str, label: str) -> dict[str, str]:
    """A table as CSV, Markdown, LaTeX and HTML; the HTML goes into Snakemake's report, with its caption."""
    page = report(
        f"{RESULTS}/tables/{name}.html",
        category="Tables",
        caption=f"../report/{name}_table.rst",
        labels={"table": label},
    )
    files = {name: f"{RESULTS}/tables/{name}.csv", f"{name}_html": page}
    return files | {
        f"{name}_{kind}": f"{RESULTS}/tables/{name}.{kind}" for kind in ("md", "tex")
    }


# Benchmarks of several datasets, which have a table by dataset: benchmark -> datasets.
CATEGORIES = {
    name: SETS[name].datasets
    for name in BENCHMARKS
    if name in REAL and len(SETS[name].datasets) > 1
}


rule tables:
    """Main table, the paper's table, ablations, and paired comparisons, as CSV, Markdown, HTML and LaTeX."""
    input:
        scores=SCORES,
        published=sorted(
            map(os.path.relpath, Path("config", "published").glob("*.yaml"))
        ),
        script=script_file("tables.py"),
        code=library(
            "reporting/tables.py",
            "reporting/paper_table.py",
            "reporting/ablation_table.py",
            "statistics/metrics.py",
            "statistics/intervals.py",
        ),
    output:
        **table_outputs("main", "main"),
        **table_outputs("paired", "paired comparisons"),
        **table_outputs("paper", "the paper's table"),
        **table_outputs("ablations", "ablations"),
        **(table_outputs("categories", "by dataset") if CATEGORIES else {}),
        arms=f"{RESULTS}/tables/arms.csv",
        numbers=directory(f"{RESULTS}/tables/numbers"),
    log:
        f"{LOGS}/tables.log",
    benchmark:
        f"{LOGS}/tables.benchmark.tsv"
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=scores_mem_mb(len(SCORES), SAMPLING),
        runtime=120,
    params:
        mark=MARK,
        models=MODEL_FACTS,
        ablations=ablations(RUNS.values()),
        benchmarks=BENCHMARKS,
        limit=EXPERIMENT.length_limit(),
        confidence=EXPERIMENT.config.evaluation.confidence,
        resamples=EXPERIMENT.config.evaluation.resamples,
        metrics=METRICS,
        shown=EXPERIMENT.config.evaluation.shown,
        weights=EXPERIMENT.config.evaluation.weights,
        categories=CATEGORIES,
        brought={
            **code_of(registries.METRICS, METRICS),
            **{name: [*registries.METRICS[name][1:4]] for name in METRICS},
            **METHOD_LABELS,
        },
    message:
        "Tables"
    script:
        "../scripts/tables.py"


rule cost:
    """Device hours and tokens."""
    input:
        metrics=expand(f"{RESULTS}/runs/{{run}}/metrics.parquet", run=RUNS),
        scores=SCORES,
        script=script_file("cost.py"),
        code=library("reporting/cost.py"),
    output:
        csv=f"{RESULTS}/tables/cost.csv",
        md=f"{RESULTS}/tables/cost.md",
        html=report(
            f"{RESULTS}/tables/cost.html",
            category="Tables",
            caption="../report/cost_table.rst",
            labels={"table": "cost"},
        ),
    log:
        f"{LOGS}/cost.log",
    benchmark:
        f"{LOGS}/cost.benchmark.tsv"
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=1500,
        runtime=30,
    params:
        models=MODELS,
        benchmarks=BENCHMARKS,
        devices={
            id: run.config.hardware.nodes * run.config.hardware.gpus_per_node
            for id, run in RUNS.items()
        },
    message:
        "Cost table"
    script:
        "../scripts/cost.py"


TRAIN = SETS["train"]
DECONTAMINATION = TRAIN.decontaminate if "train" in REAL else None


rule data_tables:
    """What became of the data's rows, and the decontamination table."""
    input:
        datasets=expand(
            f"{PROBLEM_SETS}/datasets/{{dataset}}.report.json", dataset=DATASETS
        ),
        sets=expand(f"{PROBLEM_SETS}/{{name}}.report.json", name=REAL),
        matches=expand(f"{PROBLEM_SETS}/{{name}}.matches.csv", name=REAL),
        script=script_file("data_tables.py"),
        code=library("reporting/data_tables.py"),
    output:
        rows=f"{RESULTS}/tables/data_rows.csv",
        matches=f"{RESULTS}/tables/matches.csv",
        data=f"{RESULTS}/tables/data.csv",
        data_md=f"{RESULTS}/tables/data.md",
        data_html=report(
            f"{RESULTS}/tables/data.html",
            category="Data",
            caption="../report/data_table.rst",
            labels={"table": "rows kept, changed, left out"},
        ),
        decontamination=f"{RESULTS}/tables/decontamination.csv",
        decontamination_md=f"{RESULTS}/tables/decontamination.md",
        decontamination_html=report(
            f"{RESULTS}/tables/decontamination.html",
            category="Data",
            caption="../report/decontamination_table.rst",
            labels={"table": "decontamination"},
        ),
    log:
        f"{LOGS}/data_tables.log",
    benchmark:
        f"{LOGS}/data_tables.benchmark.tsv"
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=1500,
        runtime=30,
    params:
        against=DECONTAMINATION.against if DECONTAMINATION else [],
        thresholds=DECONTAMINATION.model_dump() if DECONTAMINATION else {},
    message:
        "Data tables"
    script:
        "../scripts/data_tables.py"

"""Stage 5: tables, from scored samples."""

# What tables and figures call each model; the run's hash is its own column.
MODEL_FACTS = {
    **{
        name: {"run": name, "config": "", "arm": name, "method": "start", "start": name}
        for name in STARTS
    },
    **{
        id: {
            "run": run.name,
            "config": id.removeprefix(f"{run.name}-"),
            "arm": run.arm,
            "method": run.config.method,
            "start": run.model,
        }
        for id, run in RUNS.items()
    },
}


rule tables:
    """Main table and paired comparison with the starting model, as CSV, Markdown and HTML."""
    input:
        scores=expand(
            f"{RESULTS}/evaluation/{{model}}/{{benchmark}}/scores.parquet",
            model=MODELS,
            benchmark=BENCHMARKS,
        ),
        script=script_file("tables.py"),
        code=library("reporting/tables.py", "statistics/metrics.py"),
    output:
        main=f"{RESULTS}/tables/main.csv",
        main_md=f"{RESULTS}/tables/main.md",
        main_html=report(
            f"{RESULTS}/tables/main.html",
            category="Tables",
            caption="../report/main_table.rst",
            labels={"table": "main"},
        ),
        paired=f"{RESULTS}/tables/paired.csv",
        paired_md=f"{RESULTS}/tables/paired.md",
        paired_html=report(
            f"{RESULTS}/tables/paired.html",
            category="Tables",
            caption="../report/paired_table.rst",
            labels={"table": "against the starting model"},
        ),
    log:
        f"{LOGS}/tables.log",
    benchmark:
        f"{LOGS}/tables.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        models=MODEL_FACTS,
        benchmarks=BENCHMARKS,
        limit=EXPERIMENT.length_limit(),
        confidence=EXPERIMENT.config.evaluation.confidence,
        resamples=EXPERIMENT.config.evaluation.resamples,
    message:
        "Tables"
    script:
        "../scripts/tables.py"


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
        mem_mb=1500,
        runtime=30,
    params:
        against=DECONTAMINATION.against if DECONTAMINATION else [],
        thresholds=DECONTAMINATION.model_dump() if DECONTAMINATION else {},
    message:
        "Data tables"
    script:
        "../scripts/data_tables.py"

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

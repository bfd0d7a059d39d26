"""Stage 5: tables, from scored samples."""


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
        models=MODELS,
        benchmarks=BENCHMARKS,
        methods={START: START, **{name: run.method for name, run in RUNS.items()}},
        reference=START,
        limit=EXPERIMENT.length_limit(),
        confidence=EXPERIMENT.evaluation.confidence,
        resamples=EXPERIMENT.evaluation.resamples,
    message:
        "Tables"
    script:
        "../scripts/tables.py"

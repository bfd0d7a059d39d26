"""Stage 7: the report, and what a run of the DAG makes in all."""

TABLES = expand(
    f"{RESULTS}/tables/{{name}}.{{kind}}",
    name=[
        "main",
        "paired",
        "paper",
        "ablations",
        "cost",
        *(["categories"] if CATEGORIES else []),
        *(["data", "decontamination"] if REAL else []),
    ],
    kind=["csv", "md", "html"],
)
FIGURES = expand(
    f"{RESULTS}/figures/{{name}}.{{kind}}", name=DRAWN, kind=["png", "pdf"]
)


# Of the study that was made last; a rehearsal's lies apart.
NEWEST_REPORT = f"{Path(RESULTS).parent}/report.html"


report: "../report/experiment.rst"


# No param: another way to ask for the same experiment is no reason to make its report again.
GIVEN = [
    set_argument(shlex.split(str(value))) if key == "set" else f"{key}={value}"
    for key, value in config.items()
] or ["experiment=demo"]


rule summary:
    """The experiment on one self-contained page, for a phone and for print."""
    input:
        main=f"{RESULTS}/tables/main.csv",
        paired=f"{RESULTS}/tables/paired.csv",
        paper=f"{RESULTS}/tables/paper.csv",
        ablations=f"{RESULTS}/tables/ablations.csv",
        arms=f"{RESULTS}/tables/arms.csv",
        categories=f"{RESULTS}/tables/categories.csv" if CATEGORIES else [],
        cost=f"{RESULTS}/tables/cost.csv",
        figures=[path for path in FIGURES if path.endswith(".png")],
        summaries=expand(f"{RESULTS}/runs/{{run}}/summary.json", run=RUNS),
        metrics=TRAINING_METRICS,
        datasets=expand(
            f"{PROBLEM_SETS}/datasets/{{dataset}}.report.json", dataset=DATASETS
        ),
        sets=expand(f"{PROBLEM_SETS}/{{name}}.report.json", name=REAL),
        matches=f"{RESULTS}/tables/matches.csv" if REAL else [],
        captions=sorted(
            map(os.path.relpath, Path(workflow.basedir, "report").glob("*.rst"))
        ),
        script=script_file("summary.py"),
        code=library("reporting/summary.py", "reporting/summary.html.j2"),
    output:
        report(
            f"{RESULTS}/summary.html",
            category="Summary",
            labels={"page": "the experiment on one page"},
        ),
    log:
        f"{LOGS}/summary.log",
    benchmark:
        f"{LOGS}/summary.benchmark.tsv"
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=1500,
        runtime=30,
    params:
        name=EXPERIMENT.name,
        mark=MARK,
        unfinished=UNFINISHED,
        tables=["main", "paired", "paper", "ablations", "arms", "cost"],
        benchmarks=BENCHMARKS,
        captions=os.path.relpath(Path(workflow.basedir, "report")),
        limit=EXPERIMENT.length_limit(),
        confidence=EXPERIMENT.config.evaluation.confidence,
        resamples=EXPERIMENT.config.evaluation.resamples,
        shown=EXPERIMENT.config.evaluation.shown,
        weights=EXPERIMENT.config.evaluation.weights,
        against=DECONTAMINATION.against if DECONTAMINATION else [],
        thresholds=DECONTAMINATION.model_dump() if DECONTAMINATION else {},
        metrics=METRICS,
        brought={
            name: BY_NAME[name].caption
            for name in DRAWN
            if file_of(BY_NAME, name) is not None
        },
        titles={name: BY_NAME[name].title for name in DRAWN},
    message:
        "Summary page"
    script:
        "../scripts/summary.py"


rule report:
    """Snakemake's own HTML report, self-contained: tables, figures, captions, the DAG, how long each job took."""
    input:
        TABLES + FIGURES,
        summary=f"{RESULTS}/summary.html",
        captions=sorted(
            map(os.path.relpath, Path(workflow.basedir, "report").glob("*.rst"))
        ),
    output:
        f"{RESULTS}/report.html",
    log:
        f"{LOGS}/report.log",
    benchmark:
        f"{LOGS}/report.benchmark.tsv"
    localrule: True
    params:
        targets=TABLES + FIGURES + [f"{RESULTS}/summary.html"],
        newest=NEWEST_REPORT,
    message:
        "Report"
    shell:
        # Without the lock: the Snakemake that runs this job holds it.
        "snakemake --nolock --config {GIVEN:q} --report {output} -- {params.targets} > {log} 2>&1"
        " && cp {output} {params.newest}.partial && mv {params.newest}.partial {params.newest}"

"""Stage 7: the report, and what a run of the DAG makes in all."""

TABLES = expand(
    f"{RESULTS}/tables/{{name}}.{{kind}}",
    name=["main", "paired", *(["data", "decontamination"] if REAL else [])],
    kind=["csv", "md", "html"],
)
FIGURES = expand(
    f"{RESULTS}/figures/{{name}}.{{kind}}",
    name=[
        "training_curves",
        "accuracy_length",
        *(["dgdo_weights"] if DGDO_RUNS else []),
        "advantage_groups",
        "dgdo_saturation",
    ],
    kind=["png", "pdf"],
)


report: "../report/experiment.rst"


# No param: another way to ask for the same experiment is no reason to make its report again.
GIVEN = [f"{key}={value}" for key, value in config.items()] or ["experiment=demo"]


rule report:
    """Snakemake's own HTML report, self-contained: tables, figures, captions, the DAG, how long each job took."""
    input:
        TABLES + FIGURES,
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
        targets=TABLES + FIGURES,
        newest="results/report.html",
    message:
        "Report"
    shell:
        # Without the lock: the Snakemake that runs this job holds it.
        "snakemake --nolock --config {GIVEN:q} --report {output} -- {params.targets} > {log} 2>&1"
        " && cp {output} {params.newest}"

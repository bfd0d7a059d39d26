"""Stage 6: figures, each from its own script, as PNG and PDF."""

STYLE = library("reporting/style.py", "reporting/gdpo.mplstyle")
ESTIMATORS = [
    f"advantage/{path.name}"
    for path in sorted(Path(*gdpo.__path__, "advantage").glob("*.py"))
]
TRAINING_METRICS = expand(f"{RESULTS}/runs/{{run}}/metrics.parquet", run=RUNS)
RUN_FACTS = {
    id: {"arm": run.arm, "method": run.config.method, "seed": run.seed}
    for id, run in RUNS.items()
}
REWARDS = list(
    dict.fromkeys(name for run in RUNS.values() for name in run.config.rewards)
)
DGDO_RUNS = [id for id, run in RUNS.items() if run.config.method == "dgdo"]


def figure_outputs(name: str, title: str) -> dict[str, str]:
    """PNG and PDF of one figure; the PNG goes into the report with the caption of the same name."""
    png = report(
        f"{RESULTS}/figures/{name}.png",
        category="Figures",
        caption=f"../report/{name}.rst",
        labels={"figure": title},
    )
    return {"png": png, "pdf": f"{RESULTS}/figures/{name}.pdf"}


rule training_curves:
    """Rewards and response length over training."""
    input:
        metrics=TRAINING_METRICS,
        script=script_file("training_curves.py"),
        code=STYLE + library("reporting/figures.py"),
    output:
        **figure_outputs("training_curves", "training curves"),
    log:
        f"{LOGS}/figures/training_curves.log",
    benchmark:
        f"{LOGS}/figures/training_curves.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        runs=RUN_FACTS,
        rewards=REWARDS,
        limit=EXPERIMENT.length_limit(),
    message:
        "Figure: training curves"
    script:
        "../scripts/training_curves.py"


rule accuracy_length:
    """Accuracy against response length."""
    input:
        table=f"{RESULTS}/tables/main.csv",
        script=script_file("accuracy_length.py"),
        code=STYLE + library("reporting/figures.py"),
    output:
        **figure_outputs("accuracy_length", "accuracy against length"),
    log:
        f"{LOGS}/figures/accuracy_length.log",
    benchmark:
        f"{LOGS}/figures/accuracy_length.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        limit=EXPERIMENT.length_limit(),
    message:
        "Figure: accuracy against length"
    script:
        "../scripts/accuracy_length.py"


rule dgdo_weights:
    """DGDO's weights, instability and effective beta over training."""
    input:
        metrics=expand(f"{RESULTS}/runs/{{run}}/metrics.parquet", run=DGDO_RUNS),
        script=script_file("dgdo_weights.py"),
        code=STYLE + library("reporting/figures.py"),
    output:
        **figure_outputs("dgdo_weights", "DGDO weights"),
    log:
        f"{LOGS}/figures/dgdo_weights.log",
    benchmark:
        f"{LOGS}/figures/dgdo_weights.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        runs={id: RUN_FACTS[id] for id in DGDO_RUNS},
        rewards=REWARDS,
    message:
        "Figure: DGDO weights"
    script:
        "../scripts/dgdo_weights.py"


rule advantage_groups:
    """What each estimator can tell apart, counted exactly; needs no model."""
    input:
        script=script_file("advantage_groups.py"),
        code=STYLE + library("reporting/analytic.py", *ESTIMATORS),
    output:
        **figure_outputs("advantage_groups", "distinct advantage groups"),
        data=f"{RESULTS}/figures/advantage_groups.csv",
    log:
        f"{LOGS}/figures/advantage_groups.log",
    benchmark:
        f"{LOGS}/figures/advantage_groups.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    message:
        "Figure: distinct advantage groups"
    script:
        "../scripts/advantage_groups.py"


rule dgdo_saturation:
    """DGDO's weights, published and corrected, on one synthetic stream of rewards; needs no model."""
    input:
        script=script_file("dgdo_saturation.py"),
        code=STYLE + library("reporting/analytic.py", *ESTIMATORS),
    output:
        **figure_outputs("dgdo_saturation", "DGDO published and corrected"),
        data=f"{RESULTS}/figures/dgdo_saturation.csv",
    log:
        f"{LOGS}/figures/dgdo_saturation.log",
    benchmark:
        f"{LOGS}/figures/dgdo_saturation.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    message:
        "Figure: DGDO's weights, published and corrected"
    script:
        "../scripts/dgdo_saturation.py"

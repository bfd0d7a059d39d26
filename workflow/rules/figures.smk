"""Stage 6: figures, each from its own script, as PNG and PDF."""

from gdpo.config.length_reward import weight_sweep

STYLE = library("reporting/style.py", "reporting/panels.py", "reporting/gdpo.mplstyle")
ESTIMATORS = [
    f"advantage/{path.name}"
    for path in sorted(Path(*gdpo.__path__, "advantage").glob("*.py"))
]
TRAINING_METRICS = expand(f"{RESULTS}/runs/{{run}}/metrics.parquet", run=RUNS)
RUN_FACTS = {
    id: {
        "arm": run.arm,
        "method": run.config.method,
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
BROUGHT = EXPERIMENT.config.figures
DGDO_RUNS = [id for id, run in RUNS.items() if run.config.method == "dgdo"]


def figure_outputs(name: str, title: str, caption: str = "") -> dict[str, str]:
    """PNG and PDF of one figure; the PNG goes into the report, by default with the caption of its name."""
    png = report(
        f"{RESULTS}/figures/{name}.png",
        category="Figures",
        caption=f"../report/{caption or name}.rst",
        labels={"figure": title},
    )
    return {"png": png, "pdf": f"{RESULTS}/figures/{name}.pdf"}


rule training_curves:
    """Rewards and response length over training."""
    input:
        metrics=TRAINING_METRICS,
        script=script_file("training_curves.py"),
        code=STYLE + library("reporting/figures_training.py"),
    output:
        **figure_outputs("training_curves", "training curves"),
    log:
        f"{LOGS}/figures/training_curves.log",
    benchmark:
        f"{LOGS}/figures/training_curves.benchmark.tsv"
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=1500,
        runtime=10,
    params:
        runs=RUN_FACTS,
        rewards=REWARDS,
        within=WITHIN_REWARDS,
        limit=EXPERIMENT.length_limit(),
        batch=" or ".join(BATCHES),
    message:
        "Figure: training curves"
    script:
        "../scripts/training_curves.py"


rule accuracy_length:
    """Accuracy against response length."""
    input:
        arms=f"{RESULTS}/tables/arms.csv",
        runs=f"{RESULTS}/tables/main.csv",
        script=script_file("accuracy_length.py"),
        code=STYLE + library("reporting/figures_evaluation.py"),
    output:
        **figure_outputs("accuracy_length", "accuracy against length"),
    log:
        f"{LOGS}/figures/accuracy_length.log",
    benchmark:
        f"{LOGS}/figures/accuracy_length.benchmark.tsv"
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=1500,
        runtime=10,
    params:
        limit=EXPERIMENT.length_limit(),
    message:
        "Figure: accuracy against length"
    script:
        "../scripts/accuracy_length.py"


rule paired_forest:
    """Paired differences to the starting model."""
    input:
        table=f"{RESULTS}/tables/paired.csv",
        script=script_file("paired_forest.py"),
        code=STYLE + library("reporting/forest.py"),
    output:
        **figure_outputs("paired_forest", "differences to the starting model"),
    log:
        f"{LOGS}/figures/paired_forest.log",
    benchmark:
        f"{LOGS}/figures/paired_forest.benchmark.tsv"
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=1500,
        runtime=10,
    params:
        samples=EXPERIMENT.config.evaluation.sampling.n,
        confidence=EXPERIMENT.config.evaluation.confidence,
        limit=EXPERIMENT.length_limit(),
    message:
        "Figure: differences to the starting model"
    script:
        "../scripts/paired_forest.py"


rule length_distributions:
    """How long responses are, and how many are over the limit."""
    input:
        scores=SCORES,
        script=script_file("length_distributions.py"),
        code=STYLE + library("reporting/figures_evaluation.py"),
    output:
        **figure_outputs("length_distributions", "response lengths"),
    log:
        f"{LOGS}/figures/length_distributions.log",
    benchmark:
        f"{LOGS}/figures/length_distributions.benchmark.tsv"
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=scores_mem_mb(len(SCORES), SAMPLING),
        runtime=20,
    params:
        models=MODEL_FACTS,
        benchmarks=BENCHMARKS,
        limit=EXPERIMENT.length_limit(),
    message:
        "Figure: response lengths"
    script:
        "../scripts/length_distributions.py"


rule dgdo_weights:
    """DGDO's weights, instability and effective beta over training."""
    input:
        metrics=expand(f"{RESULTS}/runs/{{run}}/metrics.parquet", run=DGDO_RUNS),
        script=script_file("dgdo_weights.py"),
        code=STYLE + library("reporting/figures_training.py"),
    output:
        **figure_outputs("dgdo_weights", "DGDO weights"),
    log:
        f"{LOGS}/figures/dgdo_weights.log",
    benchmark:
        f"{LOGS}/figures/dgdo_weights.benchmark.tsv"
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=1500,
        runtime=10,
    params:
        runs={id: RUN_FACTS[id] for id in DGDO_RUNS},
        rewards=REWARDS,
    message:
        "Figure: DGDO weights"
    script:
        "../scripts/dgdo_weights.py"


rule reward_weights:
    """Accuracy and exceed by the weight of the length reward."""
    input:
        arms=f"{RESULTS}/tables/arms.csv",
        script=script_file("reward_weights.py"),
        code=STYLE + library("reporting/reward_weights.py"),
    output:
        **figure_outputs("reward_weights", "weight of the length reward"),
    log:
        f"{LOGS}/figures/reward_weights.log",
    benchmark:
        f"{LOGS}/figures/reward_weights.benchmark.tsv"
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=1500,
        runtime=10,
    params:
        sweep=WEIGHT_SWEEP,
        limit=EXPERIMENT.length_limit(),
    message:
        "Figure: weight of the length reward"
    script:
        "../scripts/reward_weights.py"


rule brought_figure:
    """A figure of a plug-in."""
    input:
        arms=f"{RESULTS}/tables/arms.csv",
        models=f"{RESULTS}/tables/main.csv",
        paired=f"{RESULTS}/tables/paired.csv",
        metrics=TRAINING_METRICS,
        script=script_file("brought_figure.py"),
    output:
        **figure_outputs("{figure}", "{figure}", caption="brought_figure"),
    log:
        f"{LOGS}/figures/{{figure}}.log",
    benchmark:
        f"{LOGS}/figures/{{figure}}.benchmark.tsv"
    wildcard_constraints:
        figure="|".join(BROUGHT) or "(?!)",
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=1500,
        runtime=10,
    params:
        name=EXPERIMENT.name,
        runs=RUN_FACTS,
        rewards=REWARDS,
        limit=EXPERIMENT.length_limit(),
        caption=lambda wildcards: registries.FIGURES[wildcards.figure].caption,
        code=lambda wildcards: code_of(registries.FIGURES, [wildcards.figure]),
    message:
        "Figure: {wildcards.figure}"
    script:
        "../scripts/brought_figure.py"


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
        **ON_CPU,
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
        **ON_CPU,
        mem_mb=1500,
        runtime=10,
    message:
        "Figure: DGDO's weights, published and corrected"
    script:
        "../scripts/dgdo_saturation.py"

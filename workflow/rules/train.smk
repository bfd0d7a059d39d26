"""Stage 3: training with veRL, one rule for every method, and the export of its last checkpoint.

Checkpoints are not outputs: Snakemake deletes outputs before a job starts and when it fails. They lie in a
folder that is named by the content of config, data and model, so a job that starts again goes on from them.
"""


def validation_problems(run: str) -> str:
    """The first benchmark where the run validates on it; else no benchmark can be a reason to train."""
    validates = RUNS[run].config.training.validate_every
    return f"{PROBLEM_SETS}/{BENCHMARKS[0] if validates else 'train'}.parquet"


rule train:
    """Train one run to its last step."""
    input:
        config=f"{RESULTS}/runs/{{run}}/config.json",
        train=f"{PROBLEM_SETS}/train.parquet",
        validation=lambda wildcards: validation_problems(wildcards.run),
        model=lambda wildcards: f"{RESULTS}/models/{RUNS[wildcards.run].model}/manifest.json",
    output:
        metrics=f"{RESULTS}/runs/{{run}}/metrics.parquet",
        summary=f"{RESULTS}/runs/{{run}}/summary.json",
    log:
        f"{LOGS}/train/{{run}}.log",
    benchmark:
        f"{LOGS}/train/{{run}}.benchmark.tsv"
    threads: lambda wildcards: training_threads(RUNS[wildcards.run])
    resources:
        **{
            name: training_resource(name)
            for name in training_job(next(iter(RUNS.values())))
        },
    params:
        model=lambda wildcards, input: Path(input.model).parent,
    message:
        "Training {wildcards.run} (log: {log})"
    shell:
        # What follows the outputs is no param: it changes no result, so it must not be a reason to train.
        "gdpo train {input.config} {input.train} {input.validation} {params.model} {CHECKPOINTS}"
        " {output.metrics} {output.summary} --log {log} --label {wildcards.run} --threads {threads}"
        " --group {EXPERIMENT.name} --wandb {EXPERIMENT.config.monitoring.wandb}{RESERVE}"


rule export:
    """Write a run's last checkpoint as a Hugging Face folder in fp32."""
    input:
        summary=f"{RESULTS}/runs/{{run}}/summary.json",
    output:
        manifest=f"{RESULTS}/models/{{run}}/manifest.json",
    log:
        f"{LOGS}/export/{{run}}.log",
    benchmark:
        f"{LOGS}/export/{{run}}.benchmark.tsv"
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=lambda wildcards: EXPERIMENT.loading_mem_mb(RUNS[wildcards.run].model),
        runtime=60,
    params:
        folder=lambda wildcards, output: Path(output.manifest).parent,
    message:
        "Exporting {wildcards.run}"
    shell:
        "gdpo export {input.summary} {CHECKPOINTS} {params.folder} 2> {log}"

"""Stage 3: training with veRL, one rule for every method, and the export of its last checkpoint.

Checkpoints are not outputs: Snakemake deletes outputs before a job starts and when it fails. They lie in a
folder that is named by the content of config, data and model, so a job that starts again goes on from them.
"""


rule train:
    """Train one run to its last step."""
    input:
        config=f"{RESULTS}/config/runs/{{run}}.json",
        train=f"{RESULTS}/problems/train.parquet",
        validation=f"{RESULTS}/problems/{BENCHMARKS[0]}.parquet",
        model=f"{RESULTS}/models/{START}/manifest.json",
    output:
        metrics=f"{RESULTS}/runs/{{run}}/metrics.parquet",
        summary=f"{RESULTS}/runs/{{run}}/summary.json",
    log:
        f"{LOGS}/train/{{run}}.log",
    benchmark:
        f"{LOGS}/train/{{run}}.benchmark.tsv"
    threads: EXPERIMENT.resources.training_threads
    resources:
        mem_mb=EXPERIMENT.resources.training_mem_mb,
        runtime=1440,
    params:
        model=lambda wildcards, input: Path(input.model).parent,
        checkpoints=CHECKPOINTS,
    message:
        "Training {wildcards.run} (log: {log})"
    shell:
        "gdpo train {input.config} {input.train} {input.validation} {params.model} {params.checkpoints}"
        " {output.metrics} {output.summary} --log {log} --label {wildcards.run} --threads {threads}"


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
        mem_mb=1500,
        runtime=30,
    params:
        folder=lambda wildcards, output: Path(output.manifest).parent,
        checkpoints=CHECKPOINTS,
    message:
        "Exporting {wildcards.run}"
    shell:
        "gdpo export {input.summary} {params.checkpoints} {params.folder} 2> {log}"

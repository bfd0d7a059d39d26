"""Stage 2: the models that training starts from."""


rule starting_model:
    """Pre-train a small model, or fetch a real one."""
    input:
        config=f"{RESULTS}/config/models/{{start}}.json",
    output:
        manifest=f"{RESULTS}/models/{{start}}/manifest.json",
    log:
        f"{LOGS}/starting_model/{{start}}.log",
    benchmark:
        f"{LOGS}/starting_model/{{start}}.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        folder=lambda wildcards, output: Path(output.manifest).parent,
    message:
        "Making the starting model {wildcards.start} (up to three minutes; progress in {log})"
    shell:
        "gdpo starting-model {input.config} {params.folder} 2>&1 | tee {log} >&2"

"""Stage 2: the model that training starts from."""


rule starting_model:
    """Pre-train the small model, or unpack a real one."""
    input:
        config=f"{RESULTS}/config/starting_model.json",
    output:
        manifest=f"{RESULTS}/models/{START}/manifest.json",
    log:
        f"{LOGS}/starting_model.log",
    benchmark:
        f"{LOGS}/starting_model.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        folder=lambda wildcards, output: Path(output.manifest).parent,
    message:
        "Making the starting model (up to three minutes; progress in {log})"
    shell:
        "gdpo starting-model {input.config} {params.folder} 2>&1 | tee {log} >&2"

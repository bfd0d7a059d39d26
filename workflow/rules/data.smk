"""Stage 1: problem sets in veRL's parquet schema, and the check that none is in two."""


rule problems:
    """Make the training set or a benchmark."""
    input:
        config=f"{RESULTS}/config/problems/{{name}}.json",
    output:
        f"{RESULTS}/problems/{{name}}.parquet",
    log:
        f"{LOGS}/problems/{{name}}.log",
    benchmark:
        f"{LOGS}/problems/{{name}}.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    message:
        "Making the problem set {wildcards.name}"
    shell:
        "gdpo problems {input.config} {output} {wildcards.name} 2> {log}"


rule disjoint:
    """Stop where a benchmark shares a problem with the training set."""
    input:
        train=f"{RESULTS}/problems/train.parquet",
        benchmark=f"{RESULTS}/problems/{{benchmark}}.parquet",
    output:
        f"{RESULTS}/problems/{{benchmark}}.disjoint.json",
    log:
        f"{LOGS}/disjoint/{{benchmark}}.log",
    benchmark:
        f"{LOGS}/disjoint/{{benchmark}}.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    message:
        "Checking that {wildcards.benchmark} and the training set share no problem"
    shell:
        "gdpo disjoint {input.train} {input.benchmark} {output} 2> {log}"

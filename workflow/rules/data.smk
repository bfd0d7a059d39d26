"""Stage 1: datasets cleaned, problem sets in veRL's parquet schema, and the check that none is in two."""

from gdpo.config.datasets import DatasetProblems
from gdpo.config.sections import problem_sets, used_datasets

SETS = {
    key.split(".")[-1]: section
    for key, section in problem_sets(EXPERIMENT.config).items()
}
REAL = [name for name, made in SETS.items() if isinstance(made, DatasetProblems)]
DATASETS = used_datasets(EXPERIMENT.config)


rule dataset:
    """Read a dataset of the catalogue from its file or the hub; clean it, and count what was left out."""
    input:
        config=f"{RESULTS}/config/datasets/{{dataset}}.json",
    output:
        table=f"{PROBLEM_SETS}/datasets/{{dataset}}.parquet",
        report=f"{PROBLEM_SETS}/datasets/{{dataset}}.report.json",
    log:
        f"{LOGS}/dataset/{{dataset}}.log",
    benchmark:
        f"{LOGS}/dataset/{{dataset}}.benchmark.tsv"
    # On a cluster too: it takes seconds or minutes, and only the submit host may have a network.
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        # The file's content, not its place.
        content=lambda wildcards: DATASETS[wildcards.dataset].content(),
    message:
        "Reading and cleaning {wildcards.dataset}"
    shell:
        "gdpo dataset {input.config} {output.table} {output.report} {wildcards.dataset} 2> {log}"


rule dataset_problems:
    """Make the training set or a benchmark from datasets; no benchmark's problem is left in a training set."""
    input:
        config=f"{RESULTS}/config/problems/{{name}}.json",
        datasets=lambda wildcards: expand(
            f"{PROBLEM_SETS}/datasets/{{dataset}}.parquet",
            dataset=SETS[wildcards.name].names(),
        ),
    output:
        problems=f"{PROBLEM_SETS}/{{name}}.parquet",
        report=f"{PROBLEM_SETS}/{{name}}.report.json",
        matches=f"{PROBLEM_SETS}/{{name}}.matches.csv",
    log:
        f"{LOGS}/problems/{{name}}.log",
    benchmark:
        f"{LOGS}/problems/{{name}}.benchmark.tsv"
    wildcard_constraints:
        name="|".join(map(re.escape, REAL)) or "(?!)",
    localrule: True
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        datasets=f"{PROBLEM_SETS}/datasets",
    message:
        "Making the problem set {wildcards.name}"
    shell:
        "gdpo dataset-problems {input.config} {params.datasets} {output} {wildcards.name} 2> {log}"


rule arithmetic_problems:
    """Make the training set or a benchmark from reasoning-gym."""
    input:
        config=f"{RESULTS}/config/problems/{{name}}.json",
    output:
        f"{PROBLEM_SETS}/{{name}}.parquet",
    log:
        f"{LOGS}/problems/{{name}}.log",
    benchmark:
        f"{LOGS}/problems/{{name}}.benchmark.tsv"
    wildcard_constraints:
        name="|".join(map(re.escape, set(SETS) - set(REAL))) or "(?!)",
    localrule: True
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    message:
        "Making the problem set {wildcards.name}"
    shell:
        "gdpo arithmetic-problems {input.config} {output} {wildcards.name} 2> {log}"


rule disjoint:
    """Stop where a benchmark shares a problem with the training set."""
    input:
        train=f"{PROBLEM_SETS}/train.parquet",
        benchmark=f"{PROBLEM_SETS}/{{benchmark}}.parquet",
    output:
        f"{PROBLEM_SETS}/{{benchmark}}.disjoint.json",
    log:
        f"{LOGS}/disjoint/{{benchmark}}.log",
    benchmark:
        f"{LOGS}/disjoint/{{benchmark}}.benchmark.tsv"
    localrule: True
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    message:
        "Checking that {wildcards.benchmark} and the training set share no problem"
    shell:
        "gdpo disjoint {input.train} {input.benchmark} {output} 2> {log}"

"""Stage 0: one resolved JSON file for each part of the experiment, compared by content.

A part is what a job depends on and nothing else, so a changed value reruns only what reads it.
"""

from gdpo.config.base import written
from gdpo.config.sections import used_datasets

SECTIONS = {
    "config/problems/train": written(PROBLEMS.train),
    **{
        f"config/problems/{name}": written(problems)
        for name, problems in PROBLEMS.benchmarks.items()
    },
    **{
        f"config/datasets/{name}": dataset.resolved()
        for name, dataset in used_datasets(EXPERIMENT.config).items()
    },
    **{
        f"config/models/{name}": written(model.weights)
        for name, model in EXPERIMENT.config.models.items()
    },
    "config/sampling": written(EXPERIMENT.config.evaluation.sampling),
    **{f"runs/{name}/config": run.resolved for name, run in RUNS.items()},
}


rule resolve:
    """Write one resolved section of the experiment."""
    output:
        f"{RESULTS}/{{section}}.json",
    log:
        f"{LOGS}/resolve/{{section}}.log",
    benchmark:
        f"{LOGS}/resolve/{{section}}.benchmark.tsv"
    wildcard_constraints:
        section=r"config/(?:\w+/)?[A-Za-z0-9._-]+|runs/[A-Za-z0-9._-]+/config",
    localrule: True
    params:
        value=lambda wildcards: SECTIONS[wildcards.section],
    message:
        "Resolving {wildcards.section}"
    script:
        "../scripts/write_json.py"

"""Stage 0: one resolved JSON file for each part of the experiment, compared by content.

A part is what a job depends on and nothing else, so a changed value reruns only what reads it.
"""

SECTIONS = {
    "problems/train": EXPERIMENT.problems.train.model_dump(mode="json"),
    **{
        f"problems/{name}": problems.model_dump(mode="json")
        for name, problems in EXPERIMENT.problems.benchmarks.items()
    },
    "starting_model": EXPERIMENT.starting_model.model_dump(mode="json"),
    "sampling": EXPERIMENT.evaluation.sampling.model_dump(mode="json"),
    **{f"runs/{name}": run.resolved() for name, run in RUNS.items()},
}


rule resolve:
    """Write one resolved section of the experiment."""
    output:
        f"{RESULTS}/config/{{section}}.json",
    log:
        f"{LOGS}/resolve/{{section}}.log",
    benchmark:
        f"{LOGS}/resolve/{{section}}.benchmark.tsv"
    wildcard_constraints:
        section="|".join(map(re.escape, SECTIONS)),
    localrule: True
    params:
        value=lambda wildcards: SECTIONS[wildcards.section],
    message:
        "Resolving {wildcards.section}"
    script:
        "../scripts/write_json.py"

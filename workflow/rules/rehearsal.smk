"""A rehearsal (``--config rehearse=true``): tiny models in the place of the real ones, and its page."""

from gdpo.config.rehearsal import StandIn
from gdpo.rehearsal.experiment import longest
from gdpo.rehearsal.real_run import real_run_problems


def stand_in(name: str) -> dict:
    """What a model's stand-in is made from, and what of the real run is looked at."""
    model = STUDY.config.models[name]
    trainings = [
        run.config.training for run in STUDY.runs.values() if run.model == name
    ] or [run.config.training for run in STUDY.runs.values()]
    section = StandIn(
        weights=model.weights,
        shape=model.shape,
        limit=EXPERIMENT.length_limit(),
        longest=longest(STUDY.config),
        max_prompt_length=min(training.max_prompt_length for training in trainings),
        max_response_length=max(training.max_response_length for training in trainings),
        max_tokens=STUDY.config.evaluation.sampling.max_tokens,
        sets={name: made if name in REAL else None for name, made in SETS.items()},
    )
    return section.model_dump(mode="json")


SECTIONS |= {f"config/stand_ins/{name}": stand_in(name) for name in STARTS}


rule stand_in:
    """Make a tiny model of a real one's architecture, under its own tokenizer."""
    input:
        config=f"{RESULTS}/config/stand_ins/{{start}}.json",
        sets=expand(f"{PROBLEM_SETS}/{{name}}.parquet", name=SETS),
        datasets=expand(f"{PROBLEM_SETS}/datasets/{{name}}.parquet", name=DATASETS),
    output:
        manifest=f"{RESULTS}/models/{{start}}/manifest.json",
    log:
        f"{LOGS}/stand_in/{{start}}.log",
    benchmark:
        f"{LOGS}/stand_in/{{start}}.benchmark.tsv"
    # On a cluster too: only the submit host may have a network.
    localrule: True
    threads: 1
    resources:
        mem_mb=3500,
        runtime=60,
    params:
        folder=lambda wildcards, output: Path(output.manifest).parent,
    message:
        "Making a stand-in for {wildcards.start} (progress in {log})"
    shell:
        "gdpo stand-in {input.config} {PROBLEM_SETS} {params.folder} 2>&1 | tee {log} >&2"


rule rehearsal:
    """What each stage saw, and what would stop the real run, on one page."""
    input:
        manifests=expand(f"{RESULTS}/models/{{start}}/manifest.json", start=STARTS),
        datasets=expand(
            f"{PROBLEM_SETS}/datasets/{{dataset}}.report.json", dataset=DATASETS
        ),
        sets=expand(f"{PROBLEM_SETS}/{{name}}.report.json", name=REAL),
        metrics=TRAINING_METRICS,
        summaries=expand(f"{RESULTS}/runs/{{run}}/summary.json", run=RUNS),
        # Of the first run: the responses that are shown.
        samples=f"{RESULTS}/evaluation/{next(iter(RUNS))}/{BENCHMARKS[0]}/samples.parquet",
        problems=f"{PROBLEM_SETS}/{BENCHMARKS[0]}.parquet",
        outputs=TABLES + FIGURES + [f"{RESULTS}/summary.html", f"{RESULTS}/report.html"],
    output:
        page=f"{RESULTS}/rehearsal.html",
        findings=f"{RESULTS}/rehearsal.json",
    log:
        f"{LOGS}/rehearsal.log",
    benchmark:
        f"{LOGS}/rehearsal.benchmark.tsv"
    localrule: True
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        name=STUDY.name,
        starts=STARTS,
        runs={id: {"arm": run.arm, "model": run.model} for id, run in RUNS.items()},
        real=real_run_problems(STUDY, SITE, GPUS is not None, PLACES),
    message:
        "Rehearsal page"
    script:
        "../scripts/rehearsal.py"

"""Stage 4: samples of every model on every benchmark, kept; and their grading, apart."""

import gdpo.plugins as registries
from gdpo.config.host_memory import (
    outputs_mem_mb,
    sampling_mem_mb,
    scores_mem_mb,
    scoring_mem_mb,
)
from gdpo.plugins.loading import code_of

# Outside output:, so that a killed job goes on and more samples draw only the new ones.
SAMPLES = PLACES["samples"]


def grader_code(benchmark: str) -> list[str]:
    """Files of what judges a benchmark: what tasks share, mathematics, and the room of each of its own tasks."""
    names = SETS[benchmark].datasets if benchmark in REAL else []
    tasks = {EXPERIMENT.config.datasets[name].task.replace("-", "_") for name in names}
    shared = sorted(Path(*gdpo.__path__, "tasks").glob("*.py"))
    rooms = [Path(*gdpo.__path__, "tasks", task) for task in sorted({"math", *tasks})]
    files = [*shared, *(path for room in rooms for path in sorted(room.rglob("*.py")))]
    return library(*(path.relative_to(*gdpo.__path__) for path in files))


# Once: a large study asks thousands of times.
GRADER = {name: grader_code(name) for name in BENCHMARKS}
SAMPLING = EXPERIMENT.config.evaluation.sampling
WITH_VLLM = SAMPLING.backend == "vllm"


# Beside those that every table has.
METRICS = EXPERIMENT.config.evaluation.metrics
METRIC_OPTIONS = " ".join(f"--metric {name}" for name in METRICS)


def brought_to(benchmark: str) -> dict[str, str]:
    """Graders and metrics of plug-ins -> hash of their code: another one judges again."""
    catalogue = EXPERIMENT.config.datasets
    names = SETS[benchmark].datasets if benchmark in REAL else []
    graders = [catalogue[name].judge() for name in names]
    return code_of(registries.GRADERS, graders) | code_of(registries.METRICS, METRICS)


# Only where there are any: a study without keeps its scores.
JUDGED = (
    {"brought": lambda wildcards: brought_to(wildcards.benchmark)}
    if any(map(brought_to, BENCHMARKS))
    else {}
)


def start_of(model: str) -> str:
    """The starting model that a model was trained from, or is."""
    return RUNS[model].model if model in RUNS else model


rule sample:
    """Sample one model on one benchmark."""
    input:
        model=f"{RESULTS}/models/{{model}}/manifest.json",
        problems=f"{PROBLEM_SETS}/{{benchmark}}.parquet",
        disjoint=f"{PROBLEM_SETS}/{{benchmark}}.disjoint.json",
        config=f"{RESULTS}/config/sampling.json",
    output:
        f"{RESULTS}/evaluation/{{model}}/{{benchmark}}/samples.parquet",
    log:
        f"{LOGS}/sample/{{model}}/{{benchmark}}.log",
    benchmark:
        f"{LOGS}/sample/{{model}}/{{benchmark}}.benchmark.tsv"
    threads: 8 if WITH_VLLM else 1
    resources:
        **(
            on_gpus(1, SAMPLING.gpus())
            if GPUS and WITH_VLLM
            else {"runtime": 240, **ON_CPU}
        ),
        mem_mb=lambda wildcards: sampling_mem_mb(
            SAMPLING, EXPERIMENT.loading_mem_mb(start_of(wildcards.model))
        ),
    params:
        model=lambda wildcards, input: Path(input.model).parent,
    message:
        "Sampling {wildcards.model} on {wildcards.benchmark}"
    shell:
        "OMP_NUM_THREADS={threads} gdpo sample {params.model} {input.problems} {input.config} {output}"
        " --store {SAMPLES} 2> {log}"


rule score:
    """Grade stored samples."""
    input:
        samples=f"{RESULTS}/evaluation/{{model}}/{{benchmark}}/samples.parquet",
        problems=f"{PROBLEM_SETS}/{{benchmark}}.parquet",
        # Cheap, and decides every number: another grader grades again.
        code=lambda wildcards: [
            *library("sampling/score.py"),
            *GRADER[wildcards.benchmark],
        ],
    output:
        f"{RESULTS}/evaluation/{{model}}/{{benchmark}}/scores.parquet",
    log:
        f"{LOGS}/score/{{model}}/{{benchmark}}.log",
    benchmark:
        f"{LOGS}/score/{{model}}/{{benchmark}}.benchmark.tsv"
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=scoring_mem_mb(SAMPLING),
        runtime=20,
    params:
        **JUDGED,
        metrics=METRIC_OPTIONS,
    message:
        "Grading {wildcards.model} on {wildcards.benchmark}"
    shell:
        "gdpo score {input.samples} {input.problems} {output} {params.metrics} 2> {log}"


ruleorder: score_outputs > score


rule score_outputs:
    """Grade another tool's outputs as ours are graded."""
    input:
        generations=lambda wildcards: OUTPUTS[wildcards.model].generations[
            wildcards.benchmark
        ],
        problems=f"{PROBLEM_SETS}/{{benchmark}}.parquet",
        code=lambda wildcards: [
            *library("sampling/foreign.py", "sampling/score.py"),
            *GRADER[wildcards.benchmark],
        ],
    output:
        f"{RESULTS}/evaluation/{{model}}/{{benchmark}}/scores.parquet",
    log:
        f"{LOGS}/score/{{model}}/{{benchmark}}.log",
    benchmark:
        f"{LOGS}/score/{{model}}/{{benchmark}}.benchmark.tsv"
    wildcard_constraints:
        model="|".join(map(re.escape, OUTPUTS)) or "(?!)",
    threads: 1
    resources:
        **ON_CPU,
        mem_mb=lambda wildcards, input: outputs_mem_mb(input.generations),
        runtime=20,
    params:
        **JUDGED,
        tokenizer=lambda wildcards: (
            f"--tokenizer {OUTPUTS[wildcards.model].tokenizer}"
            if OUTPUTS[wildcards.model].tokenizer
            else ""
        ),
        metrics=METRIC_OPTIONS,
    message:
        "Grading {wildcards.model} on {wildcards.benchmark}"
    shell:
        "gdpo evaluate {input.generations} {input.problems} {output} {params.tokenizer} {params.metrics}"
        " 2> {log}"

"""Where jobs run: here, or on the partitions of the site file, if the profile names a kind of GPU."""

from gdpo.cluster.job import SlurmError
from gdpo.cluster.submission import check_submissions
from gdpo.config.experiment import Experiment, judges_of
from gdpo.config.runs import Run
from gdpo.config.site import CPU, site_file
from gdpo.tasks import JudgeError, check_ready

# What every job on a partition without GPUs has; nothing where there is no cluster.
ON_CPU = SITE.submission(CPU) if "gpu" in config else {}
GPUS = SITE.partitions[config["gpu"]] if "gpu" in config else None


def on_gpus(nodes: int, each: int) -> dict[str, str | int]:
    """What a job on GPUs has; it may take all the time that the partition gives."""
    asked = {"nodes": nodes, "gres": f"{GPUS.gres}:{each}", "runtime": GPUS.time_limit}
    return SITE.submission(config["gpu"]) | asked


def training_job(run: Run, experiment: Experiment = EXPERIMENT) -> dict[str, str | int]:
    """Resources of a training."""
    hardware = run.config.hardware
    place = (
        on_gpus(hardware.nodes, hardware.gpus_per_node) if GPUS else {"runtime": 1440}
    )
    return place | {"mem_mb": experiment.resources(run).training_mem_mb}


# A job that ends before its training does goes on from a checkpoint, for which this leaves time.
RESERVE = f" --reserve {GPUS.reserve}" if GPUS else ""


def training_threads(run: Run, experiment: Experiment = EXPERIMENT) -> int:
    """Computing threads of a training."""
    return experiment.resources(run).training_threads


def training_resource(name: str):
    """One resource of the training rule, as a function of the run."""
    return lambda wildcards: training_job(RUNS[wildcards.run])[name]


onstart:
    if not GPUS:  # else other machines judge, and each training asks its own before it begins
        try:
            check_ready(set().union(*judges_of(EXPERIMENT.config).values()))
        except JudgeError as error:
            raise WorkflowError(str(error)) from None
    if GPUS:
        on_cuda = any(
            run.config.hardware.platform == "cuda" for run in RUNS.values()
        )
        if on_cuda and (problem := SITE.environment.cuda_problem()):
            raise WorkflowError(f"{site_file()}: {problem}")
        # What SLURM refuses now, it would refuse for job after job; in a rehearsal, also of the study itself.
        trainings = [
            {"threads": training_threads(run, made), **training_job(run, made)}
            for made in (EXPERIMENT, STUDY)
            for run in made.runs.values()
        ]
        try:
            check_submissions([{"runtime": 60, **ON_CPU}, *trainings])
        except SlurmError as error:
            raise WorkflowError(f"{error}; see {site_file()}") from None

"""What sbatch would say to a job, asked before anything is submitted."""

import re
import subprocess
from collections.abc import Iterable, Mapping

from gdpo.cluster.job import SlurmError

OPTIONS = {
    "slurm_partition": "partition",
    "slurm_account": "account",
    "constraint": "constraint",
    "qos": "qos",
    "gres": "gres",
    "nodes": "nodes",
    "runtime": "time",
    "mem_mb": "mem",
    "threads": "cpus-per-task",
}
"""Resource of the executor plugin -> sbatch's option."""


TRIAL = ("--job-name=gdpo-trial", "--parsable", "--begin=now+1hour", "--output=/dev/null")


def check_submissions(jobs: Iterable[Mapping[str, str | int]]) -> None:
    """Ask SLURM about each different one of some jobs; see :func:`check_submission`."""
    for job in {tuple(job.items()) for job in jobs}:
        check_submission(dict(job))


def check_submission(resources: Mapping[str, str | int]) -> None:
    """Ask SLURM whether it takes such a job, by a job of the next hour that is cancelled at once.

    (A held job is taken whatever GPUs it asks for; ``sbatch --test-only`` refuses what would only have to
    wait, where a partition is drained.)

    Args:
        resources: of the executor plugin; ``runtime`` in minutes.

    Raises:
        SlurmError: it does not: partition, account, GPUs, features or time limit are wrong, or there is no
            sbatch.
    """
    options = [f"--{OPTIONS[name]}={value}" for name, value in resources.items() if name in OPTIONS]
    try:
        job = _slurm("sbatch", *TRIAL, *options, "--wrap=true")
    except SlurmError as error:
        raise SlurmError(f"SLURM takes no job with {' '.join(options)}: {error}") from error
    _slurm("scancel", job.strip().split(";")[0])
    limit = time_limit(str(resources["slurm_partition"]))
    if limit is not None and int(resources["runtime"]) > limit:
        # By default SLURM takes such a job, and lets it wait for ever.
        raise SlurmError(
            f"partition {resources['slurm_partition']} ends jobs after {limit} minutes; asked for: "
            f"{resources['runtime']}"
        )


def time_limit(partition: str) -> int | None:
    """Longest job of a partition in whole minutes; None without a limit, or where sinfo does not say."""
    shown = _slurm("sinfo", "--noheader", f"--partition={partition}", "--format=%l").split()
    return minutes(shown[0]) if shown else None


def minutes(text: str) -> int | None:
    """Whole minutes of SLURM's ``[days-]hours:minutes:seconds`` or ``minutes:seconds``; None of all else."""
    if not (found := re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", text)):
        return None
    days, hours, whole, _ = (int(part or 0) for part in found.groups())
    return (days * 24 + hours) * 60 + whole


def _slurm(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SlurmError(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        said = [line.removeprefix(f"{command[0]}: error: ") for line in done.stderr.splitlines() if line]
        raise SlurmError("; ".join(said) or f"{command[0]} ended with exit code {done.returncode}")
    return done.stdout

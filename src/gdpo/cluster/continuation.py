"""A training longer than a job may be: the job goes back into the queue, as long as it comes further."""

import json
from pathlib import Path

from gdpo.cluster.job import Job, requeue
from gdpo.whole_file import write_text

STARTS = "starts.json"
"""In a run's checkpoint folder: the SLURM job that trained it last, and the step of each of its starts."""
MOST_STARTS = 4
"""Starts of one job at the same step: the first, and three after preemption or the loss of a node."""


class NoProgress(RuntimeError):
    """A job that would be started again and again at the same step."""


def check_progress(folder: Path, job: Job, step: int) -> None:
    """Record a start of a job at a step.

    Raises:
        NoProgress: it was put back into the queue at this step too often.
    """
    path = folder / STARTS
    known = json.loads(path.read_text()) if path.exists() else {}
    # A new submission is somebody's decision to try again.
    earlier = known["steps"] if job.restarts and known.get("job") == job.id else []
    steps = [*earlier, step][-MOST_STARTS:]
    write_text(path, json.dumps({"job": job.id, "steps": steps}) + "\n")
    if len(steps) == MOST_STARTS and len(set(steps)) == 1:
        raise NoProgress(
            f"job {job.id} was started {MOST_STARTS} times at step {step} and came no further; lower "
            "training.checkpoint_every, or use a partition whose jobs are preempted less; then run again"
        )


def go_on_later(job: Job, before: int, now: int) -> None:
    """Put a job that ran out of time back into the queue; SLURM ends this process.

    Args:
        job: this job.
        before: step of the checkpoint that it started from.
        now: step of its newest checkpoint.

    Raises:
        NoProgress: it would come no further next time either.
        SlurmError: SLURM does not put it back.
    """
    if now <= before:
        raise NoProgress(
            f"job {job.id} ran out of time without a checkpoint after step {before}: one step and its "
            "checkpoint must fit into a job; raise the time limit, or lower training.train_batch_size"
        )
    requeue(job)

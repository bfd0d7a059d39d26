"""The SLURM job that this process runs in: when it ends, and how it goes on after that."""

import re
import subprocess
import time
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

JOB_ID = "SLURM_JOB_ID"
_FIELD = re.compile(r"(\w+)=(\S*)")


class SlurmError(RuntimeError):
    """SLURM refused or did not answer; the message is its own."""


class Job(NamedTuple):
    """A running job, as ``scontrol show job`` describes it."""

    id: str
    end: float | None
    """Unix time at which its time limit ends it; None: it has no limit."""
    restarts: int
    """How often it was requeued: by preemption, by the loss of a node, or by itself."""


def current_job(environment: Mapping[str, str]) -> Job | None:
    """The job that this process runs in; None outside SLURM.

    Raises:
        SlurmError: the environment names a job that SLURM does not know.
    """
    id = environment.get(JOB_ID)
    return None if id is None else parse_job(id, scontrol("show", "job", "--oneliner", id))


def parse_job(id: str, shown: str) -> Job:
    """Read the one line that ``scontrol show job --oneliner`` prints."""
    fields = dict(_FIELD.findall(shown))
    limited = fields.get("TimeLimit", "UNLIMITED") != "UNLIMITED"
    # scontrol prints the local time of this machine, without a zone.
    end = datetime.fromisoformat(fields["EndTime"]).timestamp() if limited else None
    return Job(id, end, int(fields.get("Restarts", 0)))


def requeue(job: Job, patience: float = 120) -> None:
    """Put the job back into the queue; SLURM then ends this process, so this does not return.

    Args:
        job: the job this process runs in.
        patience: seconds to wait for the end.

    Raises:
        SlurmError: the cluster or the submission forbids it, or the job still runs after ``patience``.
    """
    scontrol("requeue", job.id)
    time.sleep(patience)
    raise SlurmError(f"job {job.id} was requeued and still runs after {patience:.0f} s")


def scontrol(*arguments: str) -> str:
    """What ``scontrol`` prints.

    Raises:
        SlurmError: it fails; the message is its own.
    """
    command = ["scontrol", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except subprocess.CalledProcessError as error:
        raise SlurmError(f"{' '.join(command)}: {error.stderr.strip() or error.stdout.strip()}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SlurmError(f"{' '.join(command)}: {error}") from error
    return done.stdout

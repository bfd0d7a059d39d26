"""Trainings that a time limit or preemption stops: they go on in the next submission, to the same end."""

import json
import os
import re
import shlex
import subprocess
import time

import pytest
from sandbox import skip_wait
from training import Training, result

from gdpo.cluster.job import Job, SlurmError, current_job, parse_job
from gdpo.step_log import all_steps

pytestmark = pytest.mark.slow


class Submitted(Training):
    """A training as a SLURM job, outside Snakemake."""

    def submit(self, *options: str, reserve: float, partition: str = "a100", before: str = ":") -> None:
        """Submit it to one GPU, with a command that runs before it."""
        wrapped = f"{before}; exec " + shlex.join(
            self.command("--wandb", "disabled", "--reserve", str(reserve))
        )
        given = ["--gres=gpu:a100:1", "--mem=1000", f"--output={self.folder}/job.log", "--open-mode=append"]
        command = ["sbatch", "--parsable", f"--partition={partition}", *given, *options, "--wrap", wrapped]
        marked = os.environ | {"GDPO_FAULT": str(self.folder)}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=marked)
        self.id = done.stdout.strip()

    def show(self) -> dict[str, str]:
        """What SLURM says of the job."""
        command = ["scontrol", "show", "job", "--oneliner", self.id]
        line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return dict(re.findall(r"(\w+)=(\S*)", line))

    def until(self, *states: str, seconds: float = 500) -> str:
        """Wait for one of the states; SLURM's two minutes before a requeued job's start are skipped."""
        end, skipped = time.monotonic() + seconds, set()
        while (state := (shown := self.show())["JobState"]) not in states:
            assert time.monotonic() < end, f"{state} after {seconds} s: {self.said}"
            skip_wait(shown, skipped)
            time.sleep(0.5)
        return state

    def until_recorded(self, step: int) -> None:
        """Wait for the metrics of a step."""
        while self.recorded() < step:
            assert self.show()["JobState"] == "RUNNING", self.said
            time.sleep(0.2)


def sessions(training: Training) -> list[dict]:
    return json.loads((training.folder / "run" / "provenance.json").read_text())["sessions"]


def test_a_training_that_hits_its_time_limit_twice_ends_as_if_it_had_not(slurm, toy, tmp_path):
    expected, training = Training(tmp_path / "undisturbed", toy, 3), Submitted(tmp_path / "limited", toy, 3)
    assert expected.run() == 0
    # Three of the 300 seconds, less than a start takes: each job has time for the one step that it began.
    training.submit("--time=5", reserve=297)
    assert training.until("COMPLETED", "FAILED", "TIMEOUT") == "COMPLETED", training.said
    assert training.show()["Restarts"] == "2"
    assert re.findall(r"the job's time is up after step (\d) of 3", training.said) == ["1", "2"]
    assert result(training) == result(expected)
    found = sessions(training)
    assert [s["outcome"] for s in found] == ["interrupted", "interrupted", "done"]
    assert [s["from_step"] for s in found] == [0, 1, 2]
    assert [row["step"] for row in all_steps(training.checkpoints)] == [
        0,
        1,
        2,
        3,
    ]  # 0: the validation before it
    assert not training.processes()


def test_a_job_too_short_for_one_step_is_not_repeated_for_ever(slurm, toy, tmp_path):
    training = Submitted(tmp_path, toy)
    # 30 s before the end, what still trains is killed: that leaves 3 s, less than a start takes.
    training.submit("--time=1", reserve=0, before="sleep 27")
    assert training.until("COMPLETED", "FAILED", "TIMEOUT") == "FAILED"
    said = "NoProgress: job .* ran out of time without a checkpoint after step 0: one step and its checkpoint"
    assert re.search(said, training.said) and training.show()["Restarts"] == "0"
    assert not training.processes()


def test_a_preempted_job_goes_on_when_it_is_requeued(slurm, toy, tmp_path):
    expected = Training(tmp_path / "undisturbed", toy)
    assert expected.run() == 0
    training = Submitted(tmp_path / "preempted", toy)
    training.submit("--time=20", reserve=60, partition="a100-low")
    training.until("RUNNING")
    training.until_recorded(4)
    urgent = ["sbatch", "--partition=a100", "--nodes=2", "--gres=gpu:a100:4", "--time=1", "--wrap", "sleep 5"]
    subprocess.run([*urgent, "--output=/dev/null", "--mem=1000"], check=True)
    assert training.until("COMPLETED", "FAILED") == "COMPLETED", training.said
    assert int(training.show()["Restarts"]) == 1
    assert result(training) == result(expected)
    assert [s["outcome"] for s in sessions(training)] == ["interrupted", "done"]
    assert sessions(training)[1]["from_step"] >= 3 and not training.processes()


def test_the_job_is_what_slurm_says(slurm, tmp_path):
    out = tmp_path / "out"
    script = "import os; from gdpo.cluster.job import current_job; print(*current_job(os.environ))"
    command = ["sbatch", "--wait", "--partition=cpu", "--mem=100", f"--output={out}", "--time=7"]
    subprocess.run([*command, "--wrap", f"python -c '{script}'"], capture_output=True, timeout=60, check=True)
    _, end, restarts = out.read_text().split()
    assert 0 < 7 * 60 - (float(end) - out.stat().st_mtime) < 30 and restarts == "0"
    with pytest.raises(SlurmError, match=r"scontrol show job .*Invalid job id"):
        current_job({"SLURM_JOB_ID": "99999"})


def test_outside_slurm_there_is_no_job():
    assert current_job({}) is None
    assert parse_job("1", "JobId=1 TimeLimit=UNLIMITED EndTime=Unknown Restarts=2") == Job("1", None, 2)

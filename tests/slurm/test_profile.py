"""The whole DAG through ``--profile slurm-a100``, on a real SLURM."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml
from sandbox import skip_wait
from study import Study, small_experiment
from training import deterministic

from gdpo.parquet import read_table

pytestmark = pytest.mark.slow

SECRETS = {"WANDB_API_KEY": "0planted0" * 5, "HF_TOKEN": "hf_planted1planted1"}

PLUGIN = """
from dataclasses import dataclass
from gdpo.advantage import RewardConfig, Step
from gdpo.plugins import method, metric, reward

@reward(range=(0, 1))
def says_the_question(response):
    return float(response.problem.question[0] in response.text)

@dataclass
class Steps:
    done: int

@method(config=RewardConfig, state=Steps)
def counted(batch, config, state):
    done = (state.done if state else 0) + 1
    terms = batch.column(config.weights) * batch.deviations
    return Step(terms, terms.sum(0), Steps(done), {"counted/steps": done})

@metric(unit="tokens")
def tokens_seen(response):
    return float(len(response.token_ids))
"""
"""A method with state, a reward that reads the prompt, and a metric: docs/extending.md."""


def make_study(folder: Path, steps: int = 3, **a100) -> Study:
    """A small study with one training of a plug-in, and a site whose trainings go to the partition a100."""
    values = small_experiment()
    values["plugins"], values["runs"] = ["mine/plugin.py"], {"mine": {"method": "counted"}}
    values["rewards"]["says_the_question"] = {"weight": 0.5}
    values["evaluation"]["metrics"] = ["tokens_seen"]
    values["training"] |= {"steps": steps, "checkpoint_every": 2}
    values["problems"]["benchmarks"].pop("arithmetic-hard")
    values["monitoring"] = {"wandb": "offline"}
    study = Study(folder, values)
    (folder / "mine").mkdir()
    (folder / "mine" / "plugin.py").write_text(PLUGIN)
    write_site(study, **a100)
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in SECRETS.items()))
    return study


def write_site(study: Study, account: str | None = None, **a100) -> None:
    partition = {"partition": "a100", "gres": "gpu:a100", "time_limit": 60} | a100
    site = {
        "account": account,
        "partitions": {"cpu": {"partition": "cpu", "time_limit": 600}, "a100": partition},
    }
    (study.folder / "site.yaml").write_text(yaml.safe_dump(site))


@pytest.fixture
def submit(slurm):
    """Start the demo of a study through the profile; none of it is left when the test ends."""
    started = []

    def start(study: Study) -> subprocess.Popen:
        started.append(
            study.start("--config", "experiment=demo", profile="slurm-a100", start_new_session=True)
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def jobs() -> list[dict[str, str]]:
    """Every job that SLURM still knows."""
    shown = subprocess.run(["scontrol", "show", "job", "--oneliner"], capture_output=True, text=True).stdout
    return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in shown.splitlines() if "JobId" in line]


def jobs_of(study: Study) -> list[dict[str, str]]:
    """The jobs that a study's Snakemake submitted."""
    return [job for job in jobs() if job["WorkDir"] == str(study.folder) and job["JobName"] != "gdpo-trial"]


@pytest.fixture
def no_wait():
    """Without SLURM's two minutes before a requeued job starts."""
    done, skipped = threading.Event(), set()

    def release():
        while not done.wait(1):
            for job in jobs():
                # A job that ends in between must not end this thread.
                with contextlib.suppress(subprocess.CalledProcessError):
                    if job["JobName"] != "gdpo-trial":
                        skip_wait(job, skipped)

    thread = threading.Thread(target=release)
    thread.start()
    yield
    done.set()
    thread.join()


@pytest.fixture
def command_lines():
    """Every command line on this machine while a test runs."""
    seen, done = set(), threading.Event()

    def look():
        while not done.wait(0.2):
            seen.update(" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"]))

    thread = threading.Thread(target=look)
    thread.start()
    yield seen
    done.set()
    thread.join()


def metrics(path: Path) -> str:
    return deterministic(read_table(path).to_pandas()).to_csv()


def test_the_demo_on_slurm_through_time_limits(submit, no_wait, command_lines, tmp_path):
    # Each of the training's jobs has 3 s, less than a start takes: time for the one step that it began.
    study = make_study(tmp_path / "study", time_limit=5, reserve=297)
    process = submit(study)
    output, _ = process.communicate(timeout=1500)
    assert process.returncode == 0, output
    assert (study.folder / "results/report.html").exists()

    # The model, two models sampled, training, export, one job of gradings, and one for all that follows.
    mine = jobs_of(study)
    assert len(mine) == 7 and {job["JobState"] for job in mine} == {"COMPLETED"}
    (training,) = [job for job in mine if "rule_train" in job["Comment"]]
    assert training["Partition"] == "a100" and "gres:gpu:a100:1" in training["TresPerNode"]
    assert training["Restarts"] == "2"
    assert {job["Partition"] for job in mine if job is not training} == {"cpu"}

    for secret in SECRETS.values():
        assert not any(secret in line for line in command_lines)
        files = [path for path in study.folder.rglob("*") if path.is_file() and path.name != ".env"]
        assert not [path for path in files if secret.encode() in path.read_bytes()]

    # The plug-in's method kept its state through the requeues; its reward and metric came to their jobs.
    (path,) = study.folder.glob("results/demo/runs/*/metrics.parquet")
    trained = read_table(path).to_pandas()
    assert trained["counted/steps"].tolist() == [1, 2, 3]
    assert trained["reward/says_the_question/mean"].between(0, 1).all()
    arms = pd.read_csv(study.folder / "results/demo/tables/arms.csv")
    assert (arms["tokens_seen"] - arms["response_length"]).abs().max() < 1e-3

    # The same study without SLURM: nothing to do; and trained again, the same.
    assert not study.planned()
    expected = metrics(path)
    path.unlink()
    shutil.rmtree(study.folder / "results" / "checkpoints")
    code, output = study.run(str(path.relative_to(study.folder)))
    assert code == 0, output
    assert metrics(path) == expected


def test_a_cancelled_job_is_reported_within_two_minutes(submit, tmp_path):
    study = make_study(tmp_path / "study", steps=1000)
    process = submit(study)
    end = time.monotonic() + 300
    while not (running := [job["JobId"] for job in jobs_of(study) if "rule_train" in job["Comment"]]):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(1)
    time.sleep(30)
    subprocess.run(["scancel", *running], check=True)
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert f"SLURM-job '{running[0]}' failed, SLURM status is: 'CANCELLED'" in output


def test_gpus_without_an_environment_for_them_are_refused(submit, tmp_path):
    study = make_study(tmp_path / "study")
    values = yaml.safe_load(study.experiment.read_text())
    values["hardware"] = {"platform": "cuda"}
    study.write(values)
    process = submit(study)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "site.yaml: environment: missing; jobs would use this environment" in output
    assert not jobs_of(study)


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ({"partition": "a101"}, "invalid partition specified: a101"),
        ({"account": "nobody"}, "account nobody is unknown here"),
        ({"gres": "gpu:h100"}, "Requested node configuration is not available"),
        ({"constraint": "fast"}, "Invalid feature specification"),
        ({"time_limit": 2881}, "partition a100 ends jobs after 2880 minutes; asked for: 2881"),
    ],
)
def test_what_slurm_refuses_is_said_once_before_any_job(submit, tmp_path, site, message):
    study = make_study(tmp_path / "study", **site)
    process = submit(study)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert output.count(message) == 1 and "see site.yaml" in output
    assert not jobs_of(study)
    assert {job["JobState"] for job in jobs() if job["JobName"] == "gdpo-trial"} <= {"CANCELLED", "FAILED"}
    assert not list(study.folder.glob("results/demo/models/*"))

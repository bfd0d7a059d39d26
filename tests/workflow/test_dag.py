"""The DAG at its smallest: made once, then changed one thing at a time, as a user would."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FOLDERS = ("workflow", "laptop", "config")


def small_experiment() -> dict:
    """The demo with the least work that still runs every rule."""
    values = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())
    for problems in (values["problems"]["train"], *values["problems"]["benchmarks"].values()):
        problems["size"] = 16
    values["starting_model"] |= {
        "steps": 60,
        "pool_size": 1000,
        "held_out_problems": 4,
        "held_out_samples": 1,
    }
    values["training"] |= {
        "steps": 6,
        "train_batch_size": 4,
        "ppo_mini_batch_size": 4,
        "responses_per_prompt": 4,
        "max_response_length": 32,
        "checkpoint_every": 2,
    }
    del values["runs"]["gdpo"]
    values["evaluation"] |= {"resamples": 200}
    values["evaluation"]["sampling"] |= {"n": 2, "max_tokens": 32}
    return values


class Study:
    """A copy of the workflow in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in FOLDERS:
            shutil.copytree(ROOT / name, folder / name)
        self.write(small_experiment())

    @property
    def experiment(self) -> Path:
        return self.folder / "config" / "demo.yaml"

    def write(self, values: dict) -> None:
        self.experiment.write_text(yaml.safe_dump(values, sort_keys=False))

    def start(self, *arguments: str, **options) -> subprocess.Popen:
        command = ["snakemake", "--profile", "laptop", *arguments]
        return subprocess.Popen(
            command, cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=2400)
        return process.returncode, output

    def planned(self) -> set[str]:
        """Messages of the jobs that would run now, without what is in brackets."""
        code, output = self.run("--dry-run")
        assert code == 0, output
        jobs = {job.strip() for job in re.findall(r"^Job \d+: ([^(\n]*)", output, re.M)}
        assert jobs or "Nothing to be done" in output, output
        return jobs


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A study that was killed in the middle of training, started again, and is complete."""
    study = Study(tmp_path_factory.mktemp("study"))
    first = study.start(start_new_session=True)
    tracker = study.folder / "results" / "demo" / "checkpoints"
    deadline = time.monotonic() + 900
    while not any(tracker.glob("*/latest_checkpointed_iteration.txt")):
        assert time.monotonic() < deadline and first.poll() is None, first.communicate()[0]
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    study.interrupted = study.run("--unlock")[0]
    study.code, study.output = study.run()
    return study


def test_a_killed_study_goes_on_from_its_checkpoint(done):
    assert done.code == 0, done.output[-3000:]
    assert "going on from the checkpoint of step" in done.output


def test_everything_is_made(done):
    results = done.folder / "results"
    for name in (
        "tables/main.md",
        "tables/paired.csv",
        "figures/training_curves.png",
        "figures/dgdo_weights.pdf",
    ):
        assert (results / "demo" / name).stat().st_size > 0
    report = (results / "report.html").read_text()
    assert "training curves" in report and "accuracy against length" in report
    assert not re.search(r"""(?:src|href)=["']https?://[^"']+\.(?:js|css)""", report)


def test_progress_is_on_the_terminal(done):
    assert re.search(r"\[dgdo-seed1\] step 6/6  correctness 0\.\d+ length [01]\.\d+ .* ETA", done.output)
    assert re.search(r"\d+ of \d+ steps \(\d+%\) done", done.output)


def test_nothing_is_left_to_do(done):
    code, output = done.run()
    assert code == 0 and "Nothing to be done" in output


REPORT = {"Report", "Done: tables and figures in results/demo, the report in results/report.html"}


def test_a_changed_beta_reruns_dgdo_only(done):
    values = small_experiment()
    values["runs"]["dgdo"]["algorithm"]["beta"] = 0.8
    with changed(done.experiment, yaml.safe_dump(values, sort_keys=False)):
        planned = done.planned()
    evaluated = {
        f"{verb} dgdo-seed1 on {benchmark}"
        for verb in ("Sampling", "Grading")
        for benchmark in ("arithmetic", "arithmetic-hard")
    }
    drawn = {"Tables", "Figure: training curves", "Figure: accuracy against length", "Figure: DGDO weights"}
    trained = {"Resolving runs/dgdo-seed1", "Training dgdo-seed1", "Exporting dgdo-seed1"}
    assert planned == trained | evaluated | drawn | REPORT


def test_an_edited_plotting_script_redraws_its_figure_only(done):
    script = done.folder / "workflow" / "scripts" / "training_curves.py"
    with changed(script, script.read_text() + "\n# edited\n"):
        assert done.planned() == {"Figure: training curves"} | REPORT


@pytest.mark.parametrize(
    "path", ["config/demo.yaml", "workflow/rules/train.smk", "workflow/scripts/tables.py"]
)
def test_a_touched_file_reruns_nothing(done, path):
    file = done.folder / path
    with changed(file, file.read_text()):
        os.utime(file)
        assert done.planned() == set()


def test_a_comment_in_the_training_rule_retrains_nothing(done):
    rule = done.folder / "workflow" / "rules" / "train.smk"
    with changed(rule, rule.read_text().replace("rule train:", "# a comment\nrule train:")):
        assert done.planned() == set()


def test_changed_resources_rerun_nothing(done):
    values = small_experiment() | {"resources": {"training_mem_mb": 3000}}
    with changed(done.experiment, yaml.safe_dump(values, sort_keys=False)):
        assert done.planned() == set()


def test_an_added_benchmark_trains_nothing(done):
    values = small_experiment()
    values["problems"]["benchmarks"]["third"] = {
        "source": "arithmetic",
        "split": "benchmark",
        "size": 8,
        "seed": 9,
    }
    with changed(done.experiment, yaml.safe_dump(values, sort_keys=False)):
        planned = done.planned()
    assert {"Making the problem set third", "Sampling dgdo-seed1 on third", "Tables"} <= planned
    assert not {job for job in planned if job.startswith(("Training", "Exporting", "Making the starting"))}


def test_a_config_error_is_one_message_before_any_job(done):
    values = small_experiment()
    values["runs"]["dgdo"]["method"] = "dgpo"
    with changed(done.experiment, yaml.safe_dump(values, sort_keys=False)):
        code, output = done.run()
    assert code != 0
    assert "config/demo.yaml: runs.dgdo.method" in output and "'dgpo'" in output
    assert "Traceback" not in output


class changed:
    """A file with other text, put back with its old times afterwards."""

    def __init__(self, path: Path, text: str):
        self.path, self.text = path, text

    def __enter__(self):
        self.old, self.stat = self.path.read_text(), self.path.stat()
        self.path.write_text(self.text)

    def __exit__(self, *error):
        self.path.write_text(self.old)
        os.utime(self.path, ns=(self.stat.st_atime_ns, self.stat.st_mtime_ns))

"""Faults of the whole DAG: what happens to Snakemake, to its disk and to its files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

from study import Study, small_experiment
from training import Outcome, deterministic, processes_of, small_disk

from gdpo.checkpoints import newest_step
from gdpo.parquet import read_table

TABLES = "results/demo/tables"


def one_run() -> dict[str, Any]:
    """The smallest experiment with one training."""
    values = small_experiment()
    values["runs"] = {"dgdo": values["runs"]["dgdo"]}
    return values


class Pipelines:
    """A finished study, and copies of it that lack what a fault is about.

    Tables are always taken away too: Snakemake misses a file only where it has to make what needs it.
    """

    def __init__(self, folder: Path):
        self.folder, self._copies = folder, 0
        self.finished = Study(folder / "finished", one_run())
        code, output = self.finished.run()
        assert code == 0, output[-3000:]
        self.reference = results(self.finished)

    def copy(self, *without: str) -> Study:
        """The finished study in a folder of its own, without some folders of its results."""
        self._copies += 1
        study = Study.__new__(Study)
        study.folder = self.folder / f"study-{self._copies}"
        study.environment = {"GDPO_FAULT": str(study.folder)}
        shutil.copytree(self.finished.folder, study.folder, symlinks=True)
        for name in [*without, "demo/tables"] if without else ():
            for path in (study.folder / "results").glob(name):
                shutil.rmtree(path)
        return study

    def finish(self, study: Study, lost: str, said: bool = True) -> Outcome:
        """Run a broken study to its end and compare."""
        left = left_behind(study)
        study.run("--unlock")
        code, output = study.run()
        equal = code == 0 and results(study) == self.reference
        note = "" if said else "the sentence was not said"
        if code:
            note += output[-500:]
        return Outcome(code == 0 and said, equal, lost, [*left, *left_behind(study)], note)


def results(study: Study) -> tuple[str, str]:
    """Every number of the main table, and every metric that no clock measures."""
    metrics = [
        deterministic(read_table(path).to_pandas())
        for path in sorted(study.folder.glob("results/demo/runs/*/metrics.parquet"))
    ]
    return (study.folder / TABLES / "main.csv").read_text(), pd.concat(metrics).to_csv()


def left_behind(study: Study) -> list[str]:
    """Processes that outlive Snakemake, after a grace of 20 seconds."""
    deadline = time.monotonic() + 20
    while (alive := processes_of(str(study.folder))) and time.monotonic() < deadline:
        time.sleep(0.2)
    return [process.name() for process in alive]


def stopped(signum: int, everything: bool = False) -> Callable[[Pipelines], Outcome]:
    """A signal to Snakemake in the middle of the training; SIGKILL also to every process at once."""

    def trial(lab: Pipelines) -> Outcome:
        study = lab.copy("demo/runs", "checkpoints", "demo/evaluation", "demo/models/dgdo*", "samples")
        process = study.start(start_new_session=True)
        checkpoints = study.folder / "results" / "checkpoints"
        while not any(newest_step(path) for path in checkpoints.glob("*")) and process.poll() is None:
            time.sleep(0.02)
        for target in processes_of(str(study.folder)) if everything else [process]:
            target.send_signal(signum)
        process.communicate()
        return lab.finish(study, lost="steps after the newest checkpoint")

    return trial


def disk_full(folder: str, *without: str) -> Callable[[Pipelines], Outcome]:
    """A full disk under one folder of the results."""

    def trial(lab: Pipelines) -> Outcome:
        study = lab.copy(*without)
        place = study.folder / "results" / folder
        with small_disk(place, kilobytes=4) as remount:
            code, output = study.run()
            logs = "".join(path.read_text() for path in (study.folder / "results/demo/logs").rglob("*.log"))
            said = "No space left on device" in output + logs
            partial = [str(path) for path in place.rglob("*.partial*")]
            remount("size=100m")
            outcome = lab.finish(study, "nothing", said=code != 0 and said)
        return outcome._replace(left_behind=[*outcome.left_behind, *partial])

    return trial


def bad_reward(fault: str, sentence: str) -> Callable[[Pipelines], Outcome]:
    """A statement at the start of the length reward, at some step of the training; then it is mended."""

    def trial(lab: Pipelines) -> Outcome:
        study = lab.copy("demo/runs", "checkpoints", "demo/evaluation", "demo/models/dgdo*", "samples")
        study.environment["GDPO_REWARD_SECONDS"] = "3"
        source = study.folder / "src/gdpo/rewards/functions.py"
        good, line = source.read_text(), "    return float(response.n_tokens <= limit)\n"
        assert good.count(line) == 1
        source.write_text(good.replace(line, f"    if response.n_tokens > 12:\n        {fault}\n{line}"))
        code, output = study.run()
        source.write_text(good)
        said = f"RewardError: reward length {sentence}" in output
        return lab.finish(study, lost="steps after the newest checkpoint", said=code != 0 and said)

    return trial


def read_only(lab: Pipelines) -> Outcome:
    """The results cannot be written."""
    study = lab.copy("demo/evaluation")
    with small_disk(study.folder / "results", 200_000) as remount:
        remount("ro")
        code, output = study.run()
        remount("rw")
        said = "Read-only file system" in output or "Write-protected output files" in output
        return lab.finish(study, "nothing", said=code != 0 and said)


def moved(lab: Pipelines) -> Outcome:
    """The project in another place: nothing has to be made again."""
    study = lab.copy()
    there = study.folder.with_name(f"moved {study.folder.name}")
    study.folder = study.folder.rename(there)
    planned = study.planned()
    return Outcome(not planned, results(study) == lab.reference, "nothing", [], ", ".join(planned))


def two_at_once(lab: Pipelines) -> Outcome:
    """A second Snakemake in the same folder is refused, and the first does not notice."""
    study = lab.copy("demo/evaluation", "samples")
    first = study.start(start_new_session=True)
    while not any((study.folder / ".snakemake/locks").glob("*")) and first.poll() is None:
        time.sleep(0.02)
    code, output = study.run()
    refused = code != 0 and "cannot be locked" in output
    first_output, _ = first.communicate()
    equal = first.returncode == 0 and results(study) == lab.reference
    note = "" if refused else output[-300:] + first_output[-300:]
    return Outcome(refused and first.returncode == 0, equal, "nothing", left_behind(study), note)


def file_times(lab: Pipelines) -> Outcome:
    """As after a jump of the clock, or a copy that keeps no times: contents decide."""
    study, planned = lab.copy(), set()
    for years in (1, -10):
        now = time.time() + years * 365 * 86_400
        for path in study.folder.rglob("*"):
            if ".snakemake" not in path.parts and path.is_file():
                os.utime(path, (now, now))
        planned |= study.planned()
    return Outcome(not planned, results(study) == lab.reference, "nothing", [], ", ".join(planned))


def hub_unreachable(lab: Pipelines) -> Outcome:
    """A dataset of the hub, without a hub: one sentence that says what to put where."""

    folder = lab.folder / "hub"
    folder.mkdir()
    (folder / "d.json").write_text(
        json.dumps({"hub": {"repo": "nobody/nothing", "file": "x.jsonl"}, "licence": "x"})
    )
    command = [sys.executable, "-m", "gdpo.cli", "dataset", "d.json", "d.parquet", "report.json", "d"]
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(folder / "home")}
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=300)
    said = "cannot be had from the hub" in made.stderr and "Traceback" not in made.stderr
    nothing = not list(folder.glob("*.parquet"))
    return Outcome(made.returncode == 1 and said and nothing, None, "nothing", [], made.stderr.strip()[-200:])


PIPELINE_FAULTS: dict[str, Callable[[Pipelines], Outcome]] = {
    "SIGTERM to Snakemake": stopped(signal.SIGTERM),
    "SIGINT to Snakemake": stopped(signal.SIGINT),
    "SIGKILL of Snakemake and everything under it": stopped(signal.SIGKILL, everything=True),
    "disk full while samples are stored": disk_full("samples", "samples", "demo/evaluation"),
    "disk full while tables are written": disk_full("demo/tables", "demo/tables"),
    "results read-only": read_only,
    "a reward that raises": bad_reward("raise OSError('gone')", "raised OSError (gone)"),
    "a reward that is NaN": bad_reward("return float('nan')", "gave nan"),
    "a reward of another type": bad_reward("return 'much'", "gave 'much' (a str)"),
    "a reward that hangs": bad_reward("__import__('time').sleep(3600)", "took longer than 3 s"),
    "the project moved to another path": moved,
    "two Snakemakes in one folder": two_at_once,
    "every file's time a year ahead, then ten years back": file_times,
    "the hub unreachable": hub_unreachable,
}
"""Fault -> trial; each is tried once."""

"""Dry run of a study of 1,000 runs against a trivial DAG of as many jobs.

Run ``make bench-dag`` or ``python benchmarks/bench_dag.py [--runs 1000] [--repeats 5]``. The study is the
demo with one run and that many seeds: every run is resolved, trained, exported, sampled and graded on two
benchmarks. The peer is a Snakefile with one rule and as many independent jobs, which is what Snakemake itself
takes. Both alternate; times are medians of whole processes; a chart shows how they grow with the runs.
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

import yaml
from growth import draw_growth
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
CHART = Path(__file__).with_name("dag.png")
TARGET = 2.0
TRIVIAL = """
rule all:
    input: expand("out/{{i}}", i=range({jobs} - 1))
rule one:
    output: "out/{{i}}"
    shell: "touch {{output}}"
"""


def write_study(folder: Path, runs: int) -> list[str]:
    """The workflow with a study of ``runs`` runs; return the command of its dry run."""
    for name in ("workflow", "laptop", "config"):
        shutil.copytree(ROOT / name, folder / name)
    study = {
        "inherits": ["recipes/laptop"],
        "seeds": list(range(1, runs + 1)),
        "runs": {"gdpo": {"method": "gdpo"}},
    }
    (folder / "config" / "study.yaml").write_text(yaml.safe_dump(study))
    return ["snakemake", "--profile", "laptop", "--config", "experiment=study", "--dry-run"]


def write_trivial(folder: Path, jobs: int) -> list[str]:
    """A DAG of ``jobs`` independent jobs; return the command of its dry run."""
    (folder / "Snakefile").write_text(TRIVIAL.format(jobs=jobs))
    return ["snakemake", "--cores", "2", "--dry-run"]


def dry_run(command: list[str], folder: Path) -> tuple[float, int]:
    """Seconds of the whole process, and the number of jobs that it found."""
    environment = {key: value for key, value in os.environ.items() if key != "SNAKEMAKE_PROFILE"}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    return seconds, int(re.findall(r"^total +(\d+)", done.stdout + done.stderr, re.M)[0])


def compare(runs: int, repeats: int) -> tuple[int, float, float]:
    """Jobs, and median seconds of the study and of the trivial DAG."""
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as peers:
        study = write_study(Path(ours), runs)
        _, jobs = dry_run(study, Path(ours))
        trivial = write_trivial(Path(peers), jobs)
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(repeats):
            times[0].append(dry_run(study, Path(ours))[0])
            seconds, found = dry_run(trivial, Path(peers))
            assert found == jobs, (found, jobs)
            times[1].append(seconds)
    return jobs, median(times[0]), median(times[1])


def main() -> None:
    """Measure growing studies and print the table and the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    table = Table(title="Dry run, median seconds")
    for column in ("runs", "jobs", "study", "trivial DAG", "ratio"):
        table.add_column(column, justify="right")
    sizes, costs = [arguments.runs // part for part in (10, 3, 1)], []
    for runs in sizes:
        jobs, ours, peer = compare(runs, arguments.repeats)
        table.add_row(str(runs), str(jobs), f"{ours:.1f}", f"{peer:.1f}", f"{ours / peer:.2f}")
        costs.append((ours, peer))
    Console().print(table)
    series = dict(zip(("study", "trivial DAG"), zip(*costs, strict=True), strict=True))
    draw_growth({"runs": (sizes, series)}, "seconds of a dry run", CHART)
    print(f"RESULT dag_dry_run {ours / peer:.2f}x vs trivial_snakemake_dag target {TARGET:g}x")


if __name__ == "__main__":
    main()

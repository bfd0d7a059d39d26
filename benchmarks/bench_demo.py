"""Seconds of the demo by stage, the peak memory of its whole process tree, and how both grow with the runs.

Run ``make bench-demo``: the whole of ``snakemake --profile laptop``, of the demo with one run, its three and
three seeds of these, each in a folder of its own. Memory is the sum of proportional set sizes, looked at
twice a second.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd
from growth import draw_growth
from process_memory import PeakMemory
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
CHART = Path(__file__).with_name("demo.png")
DEMOS = {1: "runs.grpo=null runs.dgdo=null", 3: "seeds=[1]", 9: "seeds=[1,2,3]"}
"""How many runs the demo has -> what is put over its config."""


def stages(logs: Path) -> pd.DataFrame:
    """Snakemake's record of each job, dearest stage first."""
    paths = sorted(logs.rglob("*.benchmark.tsv"))
    jobs = pd.concat([pd.read_csv(path, sep="\t", na_values="-") for path in paths], ignore_index=True)
    jobs["stage"] = [path.relative_to(logs).parts[0].removesuffix(".benchmark.tsv") for path in paths]
    order = jobs.groupby("stage")["s"].sum().sort_values(ascending=False).index
    return jobs.sort_values("stage", key=lambda names: names.map({name: i for i, name in enumerate(order)}))


def run_demo(folder: Path, changes: str) -> tuple[float, float]:
    """Seconds and peak megabytes of the demo with ``changes``, everything made anew in ``folder``."""
    for name in ("workflow", "laptop", "config"):
        shutil.copytree(ROOT / name, folder / name)
    command = ["snakemake", "--profile", "laptop", "--quiet", "--config", f"set={changes}"]
    start = time.perf_counter()
    with PeakMemory() as memory:
        subprocess.run(command, cwd=folder, check=True)
    return time.perf_counter() - start, memory.peak_mb


def stage_table(logs: Path, title: str) -> Table:
    """What each stage took."""
    table = Table(title=title)
    for column in ("stage", "jobs", "seconds of all", "CPU seconds", "longest job, s", "most PSS, MB"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for stage, jobs in stages(logs).groupby("stage", sort=False):
        numbers = jobs["s"].sum(), jobs["cpu_time"].sum(), jobs["s"].max(), jobs["max_pss"].max()
        table.add_row(str(stage), str(len(jobs)), *(f"{number:,.0f}" for number in numbers))
    return table


def main() -> None:
    """Run each, and print the tables and the results."""
    seconds, memory, tables = {}, {}, []
    for runs, changes in DEMOS.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            seconds[runs], memory[runs] = run_demo(folder, changes)
            title = f"runs: {runs}; {seconds[runs]:.0f} s in all; {memory[runs]:,.0f} MB at the peak"
            tables.append(stage_table(folder / "results" / "demo" / "logs", title))
    Console(width=110).print(*tables)
    draw_growth({"runs": (list(DEMOS), {"the demo": list(seconds.values())})}, "seconds", CHART)
    print(f"RESULT demo_seconds {seconds[3]:.0f} s target none")
    print(f"RESULT demo_memory {memory[3]:,.0f} MB target none")


if __name__ == "__main__":
    main()

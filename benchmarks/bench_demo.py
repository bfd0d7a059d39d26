"""Seconds of the demo by stage, and the peak memory of its whole process tree.

Run ``make bench-demo``: the whole of ``snakemake --profile laptop`` in a folder of its own. Memory is the sum
of proportional set sizes, looked at twice a second.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd
from process_memory import PeakMemory
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]


def stages(logs: Path) -> pd.DataFrame:
    """Snakemake's record of each job, dearest stage first."""
    paths = sorted(logs.rglob("*.benchmark.tsv"))
    jobs = pd.concat([pd.read_csv(path, sep="\t", na_values="-") for path in paths], ignore_index=True)
    jobs["stage"] = [path.relative_to(logs).parts[0].removesuffix(".benchmark.tsv") for path in paths]
    order = jobs.groupby("stage")["s"].sum().sort_values(ascending=False).index
    return jobs.sort_values("stage", key=lambda names: names.map({name: i for i, name in enumerate(order)}))


def main() -> None:
    """Run it and print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in ("workflow", "laptop", "config"):
            shutil.copytree(ROOT / name, folder / name)
        start = time.perf_counter()
        with PeakMemory() as memory:
            subprocess.run(["snakemake", "--profile", "laptop", "--quiet"], cwd=folder, check=True)
        seconds = time.perf_counter() - start
        table = Table(title=f"{seconds:.0f} s in all; {memory.peak_mb:,.0f} MB at the peak")
        for column in ("stage", "jobs", "seconds of all", "CPU seconds", "longest job, s", "most PSS, MB"):
            table.add_column(column, justify="left" if column == "stage" else "right")
        for stage, jobs in stages(folder / "results" / "demo" / "logs").groupby("stage", sort=False):
            numbers = jobs["s"].sum(), jobs["cpu_time"].sum(), jobs["s"].max(), jobs["max_pss"].max()
            table.add_row(str(stage), str(len(jobs)), *(f"{number:,.0f}" for number in numbers))
        Console(width=110).print(table)
    print(f"RESULT demo_seconds {seconds:.0f} s target none")
    print(f"RESULT demo_memory {memory.peak_mb:,.0f} MB target none")


if __name__ == "__main__":
    main()

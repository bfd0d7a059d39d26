"""A copy of the workflow in a folder of its own, for tests that change it as a user would."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml

from gdpo.config.recipe import read_recipe

ROOT = Path(__file__).parents[2]
FOLDERS = ("workflow", "laptop", "slurm-a100", "config", "src")


class Study:
    """A copy of the workflow and of the library in a folder of its own."""

    def __init__(self, folder: Path, values: dict | None):
        self.folder = folder
        self.environment: dict[str, str] = {}
        for name in FOLDERS:
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        if values is not None:
            self.write(values)

    @property
    def experiment(self) -> Path:
        return self.folder / "config" / "demo.yaml"

    def write(self, values: dict) -> None:
        self.experiment.write_text(yaml.safe_dump(values, sort_keys=False))

    def start(self, *arguments: str, profile: str = "laptop", **options) -> subprocess.Popen:
        command = ["snakemake", "--profile", profile, *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(self.folder / "src")} | self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **options,
        )

    def run(self, *arguments: str, profile: str = "laptop") -> tuple[int, str]:
        process = self.start(*arguments, profile=profile)
        output, _ = process.communicate(timeout=2400)
        return process.returncode, output

    def planned(self, *arguments: str, profile: str = "laptop") -> set[str]:
        """Messages of the jobs that would run now, without hashes and what is in brackets."""
        code, output = self.run("--dry-run", *arguments, profile=profile)
        assert code == 0, output
        jobs = {job.strip() for job in re.findall(r"^ *Job \d+: ([^(\n]*)", output, re.M)}
        assert jobs or "Nothing to be done" in output, output
        return {re.sub(r"-[0-9a-f]{8}\b", "", job) for job in jobs}

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
        subprocess.run(["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True)


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


def small_experiment() -> dict:
    """The demo with the least work that still runs every rule."""
    values = read_recipe(ROOT / "config" / "demo.yaml").values
    for problems in (values["problems"]["train"], *values["problems"]["benchmarks"].values()):
        problems["size"] = 16
    values["models"]["toy"]["weights"] |= {
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

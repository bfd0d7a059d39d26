"""The paper's repositories on a hub of this machine, and a copy of the workflow that asks it."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import registry_tokenizers
import repositories
from hub_server import running
from study import Study

SITE = {
    "partitions": {
        "cpu": {"partition": "cpu", "time_limit": 600},
        "a100": {"partition": "a100", "time_limit": 1440, "gres": "gpu:a100"},
    }
}
"""A cluster as its users describe it."""


@pytest.fixture(scope="session")
def hub(tmp_path_factory):
    """The hub; without the real tokenizers, which come from the registries, what needs it skips."""
    if problem := registry_tokenizers.missing():
        pytest.skip(problem)
    folder = tmp_path_factory.mktemp("hub")
    repositories.write_all(folder)
    with running(folder) as hub:
        yield hub


class Clone(Study):
    """A copy of the workflow as a user has it: with a hub, without a mirror of the data."""

    def __init__(self, folder: Path, hub, **environment: str):
        folder.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, None)
        self.environment = {
            "PYTHONPATH": os.pathsep.join(filter(None, [str(folder / "src"), os.environ.get("PYTHONPATH")])),
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(folder.with_name("huggingface")),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            **environment,
        }

    def gdpo(self, *arguments: str, seconds: float = 2400) -> str:
        """What a command prints; it must end well."""
        environment = {name: value for name, value in os.environ.items() if name != "GDPO_DATA_MIRROR"}
        done = subprocess.run(
            ["gdpo", *arguments],
            cwd=self.folder,
            env=environment | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout


def dataset_reports(folder: Path) -> dict[str, dict]:
    """Name of each dataset of a study -> what its cleaning reports."""
    paths = (folder / "problems" / "datasets").glob("*.report.json")
    return {path.name.removesuffix(".report.json"): json.loads(path.read_text()) for path in paths}


@pytest.fixture
def clone(hub, tmp_path):
    return Clone(tmp_path / "clone", hub)

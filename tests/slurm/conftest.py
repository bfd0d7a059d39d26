"""A real SLURM for the tests in this folder; without root or its packages they skip."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import sandbox
from hub_fixtures import clone, hub  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def cluster():
    """The tests' own cluster, which SLURM's commands find by the environment."""
    if problem := sandbox.missing():
        pytest.skip(problem)
    folder = Path(tempfile.mkdtemp(prefix="gdpo-slurm-", dir="/tmp"))  # a short path, for sockets
    sandbox.up(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sandbox.environment(folder).items():
            patch.setenv(name, value)
        yield
    sandbox.down(folder)
    shutil.rmtree(folder)


@pytest.fixture
def slurm(cluster):
    """The cluster, in which a test leaves no job."""
    yield
    subprocess.run(["scancel", "--full", "--user=root"], check=True)

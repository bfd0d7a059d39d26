"""A real SLURM for the tests in this folder; without root or its packages they skip."""

import os
import subprocess

import pytest
import sandbox


@pytest.fixture(scope="session")
def cluster():
    """The tests' own cluster, which SLURM's commands find by the environment."""
    if problem := sandbox.missing():
        pytest.skip(problem)
    sandbox.up()
    os.environ |= sandbox.environment()
    yield
    for name in sandbox.environment():
        del os.environ[name]
    sandbox.down()


@pytest.fixture
def slurm(cluster):
    """The cluster, in which a test leaves no job."""
    yield
    subprocess.run(["scancel", "--full", "--user=root"], check=True)

"""Shared fixtures: a small trained model and problem sets, made once a session."""

from pathlib import Path

import pytest

from gdpo.config.problems import ArithmeticProblems
from gdpo.config.starting_model import StartingModel

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """Folder with ``model``, ``train.parquet`` and ``validation.parquet``, enough to train on."""
    from gdpo.data.arithmetic import make_problems, problem_frame
    from gdpo.data.problem_files import write_problems
    from gdpo.starting_model.pretrain import make_starting_model

    folder = tmp_path_factory.mktemp("toy")
    section = StartingModel(steps=80, pool_size=2000, held_out_problems=8, held_out_samples=1)
    make_starting_model(section, folder / "model")
    for name, split, size in (("train", "train", 64), ("validation", "benchmark", 8)):
        problems = make_problems(ArithmeticProblems(split=split, size=size))
        write_problems(problem_frame(name, problems, split), folder / f"{name}.parquet")
    return folder

"""Starting files of plug-ins work as they are written: by their tests, the check and in an experiment."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import yaml
from cli_in_process import gdpo

from gdpo.config.datasets import Dataset
from gdpo.config.experiment import load_experiment
from gdpo.data.datasets import clean_dataset
from gdpo.new_plugin import TEMPLATES, Kind, write_new
from gdpo.plugins import PluginError
from gdpo.plugins.loading import load

ROOT = Path(__file__).parents[1]
KINDS = [kind for kind in get_args(Kind) if kind != "dataset"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with the experiments of this repository."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # a plug-in's folder is added
    monkeypatch.delenv("GDPO_DATA_MIRROR", raising=False)
    yield tmp_path
    load([])


@pytest.mark.parametrize("kind", KINDS)
def test_a_starting_file_is_written_and_passes_the_check(folder, kind):
    made = gdpo("new", kind, f"my_{kind}")
    assert made.returncode == 0, made.stderr
    assert sorted(path.name for path in Path("plugins").iterdir()) == [f"my_{kind}.py", f"test_my_{kind}.py"]
    assert f"plugins: [plugins/my_{kind}.py]" in made.stdout
    assert f"pytest plugins/test_my_{kind}.py; gdpo check-plugin plugins/my_{kind}.py" in made.stdout
    checked = gdpo("check-plugin", f"plugins/my_{kind}.py")
    assert checked.returncode == 0 and "Nothing failed." in checked.stdout, checked.stdout + checked.stderr
    assert kind in checked.stdout and f"my_{kind}" in checked.stdout


def test_the_tests_that_are_written_pass(folder):
    for kind in KINDS:
        write_new(kind, f"my_{kind}", Path("plugins"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "plugins"]
    tested = subprocess.run(command, capture_output=True, text=True)
    assert tested.returncode == 0 and "19 passed" in tested.stdout, tested.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_printed_fits_into_an_experiment(folder, kind):
    _, part = write_new(kind, f"my_{kind}", Path("plugins"))
    if kind in ("grader", "task"):  # of a dataset of the experiment's own
        _, own = write_new("dataset", "mine", Path("plugins"))
        part = own.replace("licence: own ", f"{kind}: my_{kind}\n    licence: own ") + part.splitlines()[0]
    Path("config/mine.yaml").write_text(f"inherits: [demo]\n{part}")
    experiment = load_experiment(Path("config/mine.yaml"))
    assert experiment.config.plugins == [f"plugins/my_{kind}.py"]
    if kind == "reward":
        assert experiment.run("grpo").config.rewards["my_reward"].options == {"words": 50}
    if kind == "task":
        assert experiment.config.datasets["mine"].task == "my_task"
    if kind == "method":
        assert experiment.run("my_method").config.method == "my_method"


def test_a_datasets_rows_are_all_usable(folder):
    files, part = write_new("dataset", "mine", Path("own"))
    assert files == [Path("own/mine.jsonl")]
    catalogue = yaml.safe_load(part)["datasets"]
    table, report = clean_dataset("mine", Dataset.model_validate(catalogue["mine"]))
    assert (report.read, report.kept) == (3, 3)
    assert table["answers"].to_pylist() == [["9"], ["C", "29"], ["yes"]]  # 12 - 5 + 2; 21, 27, 33 are 3 x
    assert table["further"][1].as_py() == '{"topic": "numbers"}'
    Path("config/mine.yaml").write_text(f"inherits: [demo]\n{part}")
    assert "mine" in load_experiment(Path("config/mine.yaml")).config.problems.benchmarks


def test_a_dataset_is_found_beside_a_folder_of_datasets_too(folder, monkeypatch):
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(folder / "elsewhere"))
    _, part = write_new("dataset", "mine", Path("own"))
    dataset = Dataset.model_validate(yaml.safe_load(part)["datasets"]["mine"])
    assert dataset.file.located() == folder / "own" / "mine.jsonl" and dataset.problem() is None


@pytest.mark.parametrize("there", ["mine.py", "test_mine.py"])
def test_nothing_is_overwritten(folder, there):
    Path("plugins").mkdir()
    Path("plugins", there).write_text("my work")
    done = gdpo("new", "reward", "mine", columns=80)
    assert done.returncode == 1 and f"plugins/{there} exists; choose another name" in done.stderr
    assert [path.name for path in Path("plugins").iterdir()] == [there]
    assert Path("plugins", there).read_text() == "my work"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("rewards", "mine", "no kind 'rewards'; there are: reward, method, grader"),
        ("reward", "My-Reward", "'My-Reward' is no name: lower-case letters"),
        ("reward", "../mine", "is no name"),
        ("reward", "class", "is no name"),
        ("reward", "correctness", r"there is a reward 'correctness' already \(.*functions.py, line \d+\)"),
        ("method", "gdpo", "there is a method 'gdpo' already"),
        ("reward", "json", "'json' is the name of a Python module"),
        ("metric", "torch", "'torch' is the name of a Python module"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(folder, kind, name, message):
    with pytest.raises(PluginError, match=message):
        write_new(kind, name, Path("plugins"))
    assert not Path("plugins").exists()


def test_every_template_belongs_to_a_kind():
    expected = {f"{kind}.py" for kind in KINDS} | {f"test_{kind}.py" for kind in KINDS}
    there = {path.name for path in TEMPLATES.iterdir() if path.is_file()}
    assert there == expected | {"dataset.jsonl", "dataset.yaml"}

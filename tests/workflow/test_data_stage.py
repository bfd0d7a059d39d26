"""The data stage of the DAG on JSON files: what is made, and what is made again after a change."""

import json

import pandas as pd
import pytest
from study import Study

pytestmark = pytest.mark.slow

TRAIN = [
    {"problem": f"What is {n} plus {n * n} minus {n + 7}?", "answer": str(n * n - 7)} for n in range(2, 30)
]
BENCHMARK = [{"problem": f"How many primes are there below {n}?", "answer": f"{n}.0"} for n in range(30, 40)]
FILES = {
    "train.json": [*TRAIN, BENCHMARK[3], {"problem": "No answer?", "answer": None}],
    "bench.json": BENCHMARK,
}
TABLES = ("data.md", "data_rows.csv", "decontamination.html", "matches.csv")
EXPERIMENT = {
    "inherits": ["recipes/model/toy"],
    "datasets": {
        name: {"licence": "ours", "file": {"path": f"{name}.json", "rows": len(FILES[f"{name}.json"])}}
        for name in ("train", "bench")
    },
    "problems": {
        "train": {"source": "datasets", "datasets": ["train"], "decontaminate": {"against": ["bench"]}},
        "benchmarks": {"bench": {"source": "datasets", "datasets": ["bench"]}},
    },
    "rewards": {"correctness": {}, "length": {"options": {"limit": 24}}},
    "training": {"steps": 1},
    "runs": {"grpo": {"method": "grpo"}},
}
MADE_AGAIN = {
    "Reading and cleaning train",
    "Making the problem set train",
    "Checking that bench and the training set share no problem",
    "Data tables",
}


def targets(folder: str) -> list[str]:
    return [*(f"results/demo/tables/{name}" for name in TABLES), f"{folder}/bench.disjoint.json"]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A study whose data stage has been made."""
    study = Study(tmp_path_factory.mktemp("study"), EXPERIMENT)
    mirror = study.folder / "mirror"
    mirror.mkdir()
    for name, rows in FILES.items():
        (mirror / name).write_text(json.dumps(rows))
    study.environment = {"GDPO_DATA_MIRROR": str(mirror)}
    code, output = study.run("--", *targets("results/demo/problems"))
    assert code == 0, output
    return study


def planned(study: Study, folder: str = "results/demo/problems") -> set[str]:
    return study.planned("--", *targets(folder))


def test_a_benchmarks_problem_is_not_in_the_training_set(done):
    results = done.folder / "results" / "demo"
    training = pd.read_parquet(results / "problems" / "train.parquet")
    golds = {row["ground_truth"][0] for row in training["reward_model"]}
    assert golds == {row["answer"] for row in TRAIN}
    benchmark = pd.read_parquet(results / "problems" / "bench.parquet")
    assert [row["ground_truth"][0] for row in benchmark["reward_model"]] == [str(n) for n in range(30, 40)]
    matches = pd.read_csv(results / "tables" / "matches.csv")
    assert matches.loc[matches["kind"] == "exact", "removed"].tolist() == [True]
    rows = pd.read_csv(results / "tables" / "data_rows.csv")
    assert set(rows.loc[rows["reason"] == "no answer", "row"]) == {"29"}
    assert "1 no answer (29)" in (results / "tables" / "data.md").read_text()


def test_nothing_is_made_again_without_a_reason(done):
    assert planned(done) == set()


def test_a_moved_mirror_reads_nothing_again(done):
    mirror = done.folder / "mirror"
    moved = mirror.rename(done.folder / "elsewhere")
    done.environment["GDPO_DATA_MIRROR"] = str(moved)
    try:
        assert planned(done) == set()
    finally:
        moved.rename(mirror)
        done.environment["GDPO_DATA_MIRROR"] = str(mirror)


def test_another_content_of_a_file_is_read_again(done):
    file = done.folder / "mirror" / "train.json"
    text = file.read_text()
    file.write_text(text.replace("plus", "and"))
    try:
        assert planned(done) == MADE_AGAIN
    finally:
        file.write_text(text)


def test_data_dir_moves_the_problem_sets(done):
    done.environment["DATA_DIR"] = str(done.folder / "data")
    try:
        code, output = done.run("--", f"{done.folder}/data/demo/bench.disjoint.json")
        assert code == 0, output
        assert len(pd.read_parquet(done.folder / "data" / "demo" / "train.parquet")) == len(TRAIN)
    finally:
        del done.environment["DATA_DIR"]


def test_a_hub_that_cannot_be_reached_says_which_file_to_put_where(done):
    values = json.loads(json.dumps(EXPERIMENT))
    values["datasets"]["train"] = {
        "licence": "ours",
        "file": {"path": "other.json"},
        "hub": {"repo": "someone/problems", "file": "train.json"},
    }
    before = done.experiment.read_text()
    done.write(values)
    done.environment["HF_HUB_OFFLINE"] = "1"
    try:
        code, output = done.run("--", *targets("results/demo/problems"))
    finally:
        done.experiment.write_text(before)
        del done.environment["HF_HUB_OFFLINE"]
    assert code != 0 and "put other.json into " in output and "someone/problems cannot be had" in output
    assert "Traceback" not in output

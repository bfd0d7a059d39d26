"""Datasets of the catalogue: found, checked, cleaned; every row accounted for."""

import hashlib
import json
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gdpo.config.datasets import Columns, Dataset, FileSource, HubSource
from gdpo.config.experiment import load_experiment
from gdpo.data.datasets import clean_dataset
from gdpo.data.schema import SchemaError, check_dataset
from gdpo.data.sources import SourceError

ROOT = Path(__file__).parents[2]
MIRROR = os.environ.get("GDPO_DATA_MIRROR")
ROWS = [
    {"problem": "What is $1+1$?", "answer": "02"},
    {"problem": "What is $2 + 2$?", "answer": None},
    {"problem": "what is $1 + 1$ ?", "answer": "2"},
    {"problem": " ", "answer": "3"},
    {"problem": "What is $2 - 2$?", "answer": 0.0},
]


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))
    return tmp_path


def entry(name="a.json", **options) -> Dataset:
    return Dataset(licence="MIT", file=FileSource(path=name, **options))


def write(folder: Path, rows: list[dict], name: str = "a.json") -> str:
    (folder / name).write_text(json.dumps(rows))
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


def test_every_row_is_kept_changed_or_left_out_for_a_reason(mirror):
    sha256 = write(mirror, ROWS)
    table, report = clean_dataset("set", entry(sha256=sha256, rows=5))
    assert table["answers"].to_pylist() == [["2"], ["0"]] and table["row"].to_pylist() == [0, 4]
    assert (report.read, report.kept) == (5, 2) and sha256[:12] in report.origin
    assert [(n.row, n.what, n.reason) for n in report.notes] == [
        (0, "changed", "leading zeros removed"),
        (1, "left out", "no answer"),
        (2, "left out", "the same problem as row 0"),
        (3, "left out", "no problem text"),
        (4, "changed", "float written as an integer"),
    ]


def test_ids_depend_on_the_text_alone(mirror):
    write(mirror, ROWS)
    first, _ = clean_dataset("set", entry())
    write(mirror, ROWS[::-1])
    second, _ = clean_dataset("set", entry())
    assert set(first["id"].to_pylist()) == set(second["id"].to_pylist())


def test_json_lines_and_parquet_read_the_same(mirror):
    write(mirror, ROWS[:1])
    (mirror / "b.jsonl").write_text(json.dumps(ROWS[0]) + "\n\n")
    pq.write_table(pa.Table.from_pylist(ROWS[:1]), mirror / "c.parquet")
    tables = [clean_dataset("set", entry(name))[0] for name in ("a.json", "b.jsonl", "c.parquet")]
    assert tables[0] == tables[1] == tables[2]


def test_rows_that_are_not_kept_are_counted(mirror):
    write(mirror, [{"problem": f"p{y}", "answer": "1", "url": f"/{y}_AMC"} for y in (2022, 2023, 2023.5)])
    _, report = clean_dataset("set", entry(keep={"url": "2023"}, rows=2))
    assert (report.read, report.kept) == (3, 2)
    assert (report.notes[0].row, report.notes[0].reason) == (0, "not among the rows to keep")


def test_context_unit_and_tolerance_go_with_the_problem(mirror):
    row = {
        "question": "How far?",
        "final_answer": ["$3$"],
        "context": "A car.",
        "unit": "km",
        "error": "1e-1",
    }
    write(mirror, [row | {"answer_type": "Numerical"}])
    table, _ = clean_dataset("set", entry().model_copy(update={"several_answers": "all"}))
    made = table.to_pylist()[0]
    assert made["problem"] == "A car.\n\nHow far?" and made["answers"] == ["3"]
    assert (made["unit"], made["tolerance"], made["several"]) == ("km", 0.1, "all")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"sha256": "0" * 64},
            r"datasets.set.file.sha256: .*expected 0000.* get it again, or correct sha256",
        ),
        ({"rows": 6}, r"datasets.set.file.rows: 6 rows are expected, 5 found"),
    ],
)
def test_another_file_than_expected_is_refused(mirror, options, message):
    write(mirror, ROWS)
    with pytest.raises(SourceError, match=message):
        clean_dataset("set", entry(**options))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{]", "a.json: not readable as json"),
        ("[1]", "a.json: row 0 must be an object, not int"),
        (
            '[{"text": "p", "answer": "1"}]',
            "columns.problem: .* has no column problem or question; .* text, answer",
        ),
        ('[{"problem": "p", "answer": null}]', "no usable row"),
    ],
)
def test_an_unusable_file_is_named(mirror, content, message):
    (mirror / "a.json").write_text(content)
    with pytest.raises(SourceError, match=message):
        clean_dataset("set", entry())


def test_other_columns_can_be_named(mirror):
    write(mirror, [{"text": "p", "gold": "1"}])
    named = entry().model_copy(update={"columns": Columns(problem=["text"], answer=["gold"])})
    assert clean_dataset("set", named)[0]["problem"].to_pylist() == ["p"]


def test_a_dataset_comes_from_the_hubs_cache_without_a_network(tmp_path, monkeypatch):
    """A cache on disk as huggingface_hub keeps it, read offline."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    cache = tmp_path / "datasets--somebody--problems"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text(commit)
    (cache / "snapshots" / commit / "data").mkdir(parents=True)
    rows = [row | {"answer": None if row["answer"] is None else str(row["answer"])} for row in ROWS]
    pq.write_table(pa.Table.from_pylist(rows), cache / "snapshots" / commit / "data" / "test-0.parquet")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))
    hub = HubSource(repo="somebody/problems", file="data/test-*.parquet", rows=5)
    both = Dataset(licence="MIT", file=FileSource(path="test.json"), hub=hub)
    table, report = clean_dataset("set", both)
    assert (
        table["answers"].to_pylist() == [["2"], ["0"]]
        and report.origin == f"somebody/problems (commit {commit[:12]})"
    )
    write(tmp_path, ROWS[:1], "test.json")
    assert clean_dataset("set", both)[1].origin.startswith("test.json"), "a file goes before the hub"


def test_without_hub_and_file_it_says_which_file_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path / "mirror"))
    hub = HubSource(repo="somebody/nothing", file="test.jsonl")
    with pytest.raises(SourceError, match="somebody/nothing cannot be had .*put test.json into .*mirror"):
        clean_dataset("set", Dataset(licence="MIT", file=FileSource(path="test.json"), hub=hub))
    with pytest.raises(SourceError, match="download test.jsonl of https://huggingface.co/datasets/somebody"):
        clean_dataset("set", Dataset(licence="MIT", hub=hub))


@pytest.mark.skipif(not MIRROR, reason="GDPO_DATA_MIRROR names no folder with the real files")
@pytest.mark.parametrize(
    ("name", "kept", "left_out"),
    [
        ("deepscaler-aime", 975, 0),
        ("deepscaler-math", 7465, 9),
        ("aime24", 30, 0),
        ("amc", 83, 0),
        ("amc23", 40, 43),
        ("math500", 500, 0),
    ],
)
def test_the_real_files_are_read_whole(name, kept, left_out, monkeypatch):
    catalogue = load_experiment(ROOT / "config" / "paper.yaml").config.datasets
    table, report = clean_dataset(name, catalogue[name])
    assert report.kept == len(table) == kept
    assert sum(note.what == "left out" for note in report.notes) == left_out
    assert all(answers and all(answers) for answers in table["answers"].to_pylist())
    records = json.loads(Path(MIRROR, catalogue[name].file.path).read_text())
    for row, answers in zip(table["row"].to_pylist(), table["answers"].to_pylist(), strict=True):
        raw = records[row]["answer"]
        if isinstance(raw, float) or raw.isdecimal():
            assert int(answers[0]) == int(float(raw)), "independent of our own normalising"


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("problem", " ", "row 1, column problem: ' ' is not a non-empty text"),
        ("answers", [], r"row 1, column answers: \[\] is not a list of non-empty texts"),
        ("id", None, "row 1, column id: .* is already in row 0"),
    ],
)
def test_a_cleaned_dataset_that_breaks_its_schema_is_named(mirror, column, value, message):
    write(mirror, ROWS)
    frame = pd.DataFrame(clean_dataset("set", entry())[0].to_pylist())
    frame.at[1, column] = frame.at[0, column] if value is None else value
    with pytest.raises(SchemaError, match=f"set.parquet: {message}"):
        check_dataset(frame, "set.parquet")

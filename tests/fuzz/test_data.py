"""Dataset and problem files: whatever is in them, rows that are right or a documented error."""

import json
import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdpo.config.datasets import Dataset
from gdpo.data.arithmetic import Problem, problem_frame
from gdpo.data.datasets import clean_dataset, read_dataset
from gdpo.data.problem_files import read_problems, write_problems
from gdpo.data.schema import SchemaError, check_dataset
from gdpo.data.sources import SourceError
from gdpo.parquet import write_table

from .conftest import budget, in_time
from .mutations import VALUES, damaged, mutated

ROWS = [
    {"problem": "What is $1+1$?", "answer": "2", "unit": None, "level": 3},
    {"problem": "Find \\frac{1}{2} of 10.", "answer": "\\boxed{5}", "unit": "cm", "level": 5},
    {"problem": "How many?", "answer": ["1", "2"], "unit": None, "level": 1},
]
COLUMNS = {"problem": ["problem"], "answer": ["answer"], "unit": ["unit"]}
CELLS = st.lists(VALUES, min_size=1, max_size=4)


@pytest.fixture
def clean(tmp_path, monkeypatch):
    """Clean a dataset file with this content; None where it is a SourceError."""
    monkeypatch.setenv("GDPO_DATA_MIRROR", str(tmp_path))

    def run(name: str, content: bytes) -> pa.Table | None:
        (tmp_path / name).write_bytes(content)
        dataset = Dataset.model_validate({"licence": "none", "file": {"path": name}, "columns": COLUMNS})
        with in_time():
            try:
                table, report = clean_dataset("set", dataset)
            except SourceError as error:
                assert "set" in str(error) or name in str(error)
                return None
            assert report.kept == len(table) <= report.read
            check_dataset(table.to_pandas().map(lambda x: x.tolist() if hasattr(x, "tolist") else x), "set")
            write_table(table, tmp_path / "out.parquet")
            assert len(read_dataset(tmp_path / "out.parquet")) == len(table)
        return table

    return run


def test_the_unspoilt_rows_are_kept(clean):
    assert len(clean("a.json", json.dumps(ROWS).encode())) == 3


@budget(120)
@given(rows=mutated(ROWS), lines=st.booleans())
def test_changed_rows_are_clean_or_an_error(clean, rows, lines):
    if lines and isinstance(rows, list):
        clean("a.jsonl", b"\n".join(json.dumps(row).encode() for row in rows))
    else:
        clean("a.json", json.dumps(rows).encode())


@budget(100)
@given(st.data())
def test_damaged_json_is_clean_or_an_error(clean, data):
    lines = b"\n".join(json.dumps(row).encode() for row in ROWS)
    name, content = data.draw(st.sampled_from([("a.json", json.dumps(ROWS).encode()), ("a.jsonl", lines)]))
    clean(name, data.draw(damaged(content)))


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b'[{"problem": "x", "answer": ' + b"9" * 5000 + b"}]", b'{"a": ' * 50_000, b"\xff\xfe[\x00"],
    ids=["deep list", "5,000 digits", "deep object", "UTF-16"],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_json_that_pythons_reader_stumbles_over(clean, content, suffix):
    assert clean(f"a.{suffix}", content) is None


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    """Bytes of a dataset in parquet, and of a problem set."""
    folder = tmp_path_factory.mktemp("parquet")
    rows = [row | {"answer": str(row["answer"])} for row in ROWS]
    write_table(pa.Table.from_pylist(rows), folder / "rows.parquet")
    problems = [Problem(f"{i} + 1", str(i + 1), "sum", "arithmetic") for i in range(8)]
    write_problems(problem_frame("set", problems, "train"), folder / "set.parquet")
    return (folder / "rows.parquet").read_bytes(), (folder / "set.parquet").read_bytes()


@budget(100)
@given(st.data())
def test_a_damaged_parquet_is_clean_or_an_error(clean, parquet, data):
    clean("a.parquet", data.draw(damaged(parquet[0])))


@budget(80)
@given(problem=CELLS, answer=CELLS)
def test_columns_of_any_type_are_clean_or_an_error(clean, tmp_path, problem, answer):
    rows = [{"problem": p, "answer": a} for p, a in zip(problem, answer, strict=False)]
    try:
        write_table(pa.Table.from_pylist(rows), tmp_path / "b.parquet")
    except (pa.ArrowException, OverflowError, UnicodeError, ValueError, TypeError):
        return  # no parquet file can hold it
    clean("a.parquet", (tmp_path / "b.parquet").read_bytes())


@budget(100)
@given(st.data())
def test_a_damaged_problem_set_is_itself_or_an_error(tmp_path, parquet, data):
    path = tmp_path / "set.parquet"
    path.write_bytes(parquet[1])
    whole = read_problems(path)
    path.write_bytes(data.draw(damaged(parquet[1])))
    with in_time():
        try:
            read = read_problems(path)
        except SchemaError as error:
            assert "set.parquet" in str(error)
        else:
            assert read.to_dict("records") == whole.to_dict("records")


def test_numbers_that_are_none_do_not_become_golds(clean):
    assert clean("a.json", json.dumps([{"problem": "x", "answer": math.nan}]).encode()) is None

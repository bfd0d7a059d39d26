"""Stored and foreign samples: whatever the file holds, whole scores or a documented error."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdpo.config.sampling import Sampling
from gdpo.data.arithmetic import Problem, problem_frame
from gdpo.data.problem_files import write_problems
from gdpo.parquet import read_table
from gdpo.sampling.foreign import GenerationsError, score_generations
from gdpo.sampling.samples import SCHEMA, SamplesError, read_samples, write_samples
from gdpo.sampling.store import SampleStore, ordered

from .conftest import budget, in_time
from .mutations import damaged, mutated

PROBLEMS = [Problem(f"{i} + 1", str(i + 1), "sum", "arithmetic") for i in range(2)]
GENERATIONS = [
    {
        "id": p.id,
        "problem": p.text,
        "response": f"\\boxed{{{p.answer}}}",
        "n_tokens": 5,
        "sample_index": index,
    }
    for p in PROBLEMS
    for index in range(2)
]
ROWS = [
    {"problem_id": p.id, "sample_index": index, "seed": 1, "prompt": p.text, "text": "\\boxed{1}"}
    | {"token_ids": [1, 2], "n_tokens": 2, "stop_reason": "eos", "backend": "transformers"}
    | {"engine_version": "1", "model_sha256": "0"}
    for p in PROBLEMS
    for index in range(2)
]


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    path = tmp_path_factory.mktemp("problems") / "set.parquet"
    write_problems(problem_frame("set", PROBLEMS, "benchmark"), path)
    return path


@pytest.fixture
def evaluate(problems, tmp_path):
    """Score generations; the number of scores, or None where it is a GenerationsError."""

    def run(content: bytes, name: str = "g.jsonl") -> int | None:
        (tmp_path / name).write_bytes(content)
        out = tmp_path / "out.parquet"
        out.unlink(missing_ok=True)
        with in_time(30):
            try:
                score_generations(tmp_path / name, problems, out)
            except GenerationsError as error:
                assert name in str(error) and not out.exists()
                return None
        scores = read_table(out).to_pandas()
        assert set(scores.groupby("problem_id").size()) == {len(scores) // len(PROBLEMS)}
        return len(scores)

    return run


def test_the_unspoilt_generations_are_scored(evaluate):
    assert evaluate(b"\n".join(json.dumps(row).encode() for row in GENERATIONS)) == 4


@budget(100)
@given(rows=mutated(GENERATIONS))
def test_changed_generations_are_scored_whole_or_an_error(evaluate, rows):
    rows = rows if isinstance(rows, list) else [rows]
    evaluate(b"\n".join(json.dumps(row).encode() for row in rows))


@budget(70)
@given(st.data())
def test_damaged_generations_are_scored_whole_or_an_error(evaluate, data):
    evaluate(data.draw(damaged(b"\n".join(json.dumps(row).encode() for row in GENERATIONS))))


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Bytes of a whole file of samples, and what it reads as."""
    path, table = tmp_path_factory.mktemp("samples") / "s.parquet", pa.Table.from_pylist(ROWS, schema=SCHEMA)
    write_samples([table], path, [p.id for p in PROBLEMS], 2)
    return path.read_bytes(), table.to_pylist()


@budget(200)
@given(st.data())
def test_damaged_samples_are_themselves_or_an_error(tmp_path, stored, data):
    content, whole = stored
    path = tmp_path / "s.parquet"
    path.write_bytes(data.draw(damaged(content)))
    with in_time():
        try:
            read = [row for t in read_samples(path, [p.id for p in PROBLEMS], 2) for row in t.to_pylist()]
        except SamplesError as error:
            assert "s.parquet" in str(error)
        else:
            assert read == whole


@budget(150)
@given(st.data())
def test_a_damaged_shard_gives_what_it_had_or_nothing(tmp_path, stored, data):
    content, whole = stored
    store = SampleStore(tmp_path, "0", Sampling(), "set")
    store.folder.mkdir(parents=True, exist_ok=True)
    (store.folder / "shard.parquet").write_bytes(data.draw(damaged(content)))
    with in_time():
        found = store.find({p.id: p.text for p in PROBLEMS}, 2)
        rows = [row for table in ordered(list(found.values())) for row in table.to_pylist()]
    assert len(rows) == len(found) and all(row in whole for row in rows)

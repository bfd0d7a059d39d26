"""The file of samples: what it was when rows were Python objects, however the samples came to be stored."""

import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from long_benchmark import Tokenizer, draw, write_benchmark

from gdpo.config.host_memory import STORED_AT_ONCE
from gdpo.config.sampling import Sampling
from gdpo.data.arithmetic import Problem
from gdpo.sampling.samples import SCHEMA, SamplesError, sample_seed
from gdpo.sampling.score import score_samples
from gdpo.sampling.store import engine_version

PROBLEMS = [Problem(f"{i} + 1", str(i + 1), "sum", "arithmetic") for i in range(40)]
TOKENS = 7
SECTION = Sampling(n=8, batch_size=3)


def drawn(folder, problems=PROBLEMS, **changes):
    """The file of samples, and how many were drawn for it."""
    told = [(0, 0)]
    write_benchmark(folder, problems)
    out = draw(folder, SECTION.model_copy(update=changes), TOKENS, lambda *counts: told.append(counts))
    return out, told[-1][0]


def reference(problems, n):
    """The samples as rows of Python values: problem after problem, sample after sample."""
    rows, tokenizer = [], Tokenizer()
    for problem in problems:
        for index in range(n):
            seed = sample_seed(0, problem.id, index)
            ids = np.random.default_rng(seed).integers(0, 150_000, TOKENS).tolist()
            values = [problem.id, index, seed, f"{problem.text}<think>\n", tokenizer.batch_decode([ids])[0]]
            values += [ids, TOKENS, "eos" if seed % 3 else "length"]
            values += ["transformers", engine_version("transformers"), "0" * 64]
            rows.append(dict(zip(SCHEMA.names, values, strict=True)))
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def same(file, table):
    """Whether a file holds a table's values, in its order and types."""
    read = pq.read_table(file)
    return read.schema == table.schema and read.to_pylist() == table.to_pylist()


def test_a_small_file_is_the_reference_s_byte_for_byte(tmp_path):
    out, new = drawn(tmp_path, n=6)
    assert new == 240 <= STORED_AT_ONCE
    pq.write_table(reference(PROBLEMS, 6), tmp_path / "reference.parquet", write_page_checksum=True)
    assert out.read_bytes() == (tmp_path / "reference.parquet").read_bytes()


def test_samples_of_many_shards_are_put_in_order(tmp_path):
    whole, new = drawn(tmp_path / "at once")
    assert new == 320 > STORED_AT_ONCE and same(whole, reference(PROBLEMS, 8))
    few = drawn(tmp_path / "by and by", PROBLEMS[::-3], n=3)[1]
    more = drawn(tmp_path / "by and by", PROBLEMS[5:], n=5)[1]
    pieced, rest = drawn(tmp_path / "by and by")
    assert min(few, more, rest) > 0 and few + more + rest == 320
    assert pieced.read_bytes() == whole.read_bytes()
    assert drawn(tmp_path / "by and by", PROBLEMS[::-1], n=4)[1] == 0
    assert same(pieced, reference(PROBLEMS[::-1], 4))


def test_samples_of_one_large_row_group_are_taken(tmp_path):
    """As they were written when a whole chunk was one."""
    out, _ = drawn(tmp_path)
    expected, store = out.read_bytes(), tmp_path / "store"
    shards = list(store.rglob("*.parquet"))
    table = pa.concat_tables([pq.read_table(shard) for shard in shards])
    pq.write_table(table.unify_dictionaries(), shards[0], write_page_checksum=True)
    for shard in shards[1:]:
        shard.unlink()
    assert drawn(tmp_path)[1] == 0 and out.read_bytes() == expected


def spoil(file, column):
    """Flip a byte in a column's first page."""
    number = SCHEMA.get_field_index(column)
    chunk = pq.ParquetFile(file).metadata.row_group(0).column(number)
    place = (chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size - 3
    content = bytearray(file.read_bytes())
    content[place] ^= 0x40
    file.write_bytes(content)


@pytest.mark.parametrize("column", ["problem_id", "token_ids", "text"])
def test_a_shard_damaged_in_any_column_is_said_and_drawn_again(tmp_path, caplog, column):
    out, _ = drawn(tmp_path)
    expected = out.read_bytes()
    shard = max((tmp_path / "store").rglob("*.parquet"), key=os.path.getsize)
    held = pq.read_metadata(shard).num_rows
    spoil(shard, column)
    assert drawn(tmp_path)[1] == held and out.read_bytes() == expected
    assert f"{shard}: a damaged shard, its samples are drawn again" in caplog.text


def test_grading_reads_no_tokens_and_finds_damaged_texts(tmp_path):
    samples, _ = drawn(tmp_path)
    scores = tmp_path / "scores.parquet"
    score_samples(samples, tmp_path / "set.parquet", scores)
    found, stored = pd.read_parquet(scores), reference(PROBLEMS, 8).to_pandas()
    right = [text.endswith(f"{{{int(id_) + 1}}}") for id_, text in _numbered(stored)]
    assert (found["verdict"] == "correct").tolist() == right and 0 < sum(right) < len(right)
    content = scores.read_bytes()
    spoil(samples, "token_ids")
    score_samples(samples, tmp_path / "set.parquet", scores)
    assert scores.read_bytes() == content
    spoil(samples, "text")
    with pytest.raises(SamplesError, match="samples.parquet: not a samples file"):
        score_samples(samples, tmp_path / "set.parquet", tmp_path / "none.parquet")
    assert not (tmp_path / "none.parquet").exists()


def _numbered(stored):
    """(first number of the problem, response) of each sample; the answer is the number and 1."""
    return zip(stored["prompt"].str.split(" ").str[0], stored["text"], strict=True)

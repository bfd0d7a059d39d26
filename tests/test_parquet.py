"""Parquet files: a flipped byte is an error, never another value."""

import random

import pyarrow as pa
import pytest

from gdpo.parquet import ParquetError, read_table, write_table


@pytest.fixture
def written(tmp_path):
    table = pa.table({"n": list(range(500)), "text": [f"sample {i}" for i in range(500)]})
    write_table(table, tmp_path / "t.parquet")
    return table, tmp_path / "t.parquet"


def test_what_is_written_is_read(written):
    table, path = written
    assert read_table(path).equals(table)
    assert read_table(path, ["n"]).column_names == ["n"]


def test_a_cut_file_is_named(written):
    _, path = written
    whole = path.read_bytes()
    for size in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ParquetError, match=r"t.parquet: not a readable parquet file"):
            read_table(path)


def test_a_flipped_byte_never_changes_a_value(written):
    """Pages have checksums; a flip elsewhere is an error, nothing, or another schema, which readers check."""
    table, path = written
    whole, found = path.read_bytes(), 0
    for place in random.Random(0).sample(range(len(whole)), 300):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :])
        try:
            read = read_table(path)
        except ParquetError:
            found += 1
            continue
        if read.schema == table.schema:
            assert read.equals(table)
    assert found > 200


def test_no_file_is_said(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.parquet")

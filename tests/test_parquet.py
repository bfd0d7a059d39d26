"""Parquet files: a flipped byte is an error, never another value."""

import random

import pyarrow as pa
import pytest

from gdpo.parquet import (
    ParquetError,
    iterate_rows,
    read_rows,
    read_table,
    read_tables,
    take_rows,
    write_table,
    write_tables,
)


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


def test_pieces_and_rows_of_several_row_groups_are_those_of_the_table(tmp_path):
    table, path = pa.table({"n": list(range(50)), "text": [f"sample {i}" for i in range(50)]}), tmp_path / "t"
    write_tables((table.slice(start, 7) for start in range(0, 50, 7)), path, table.schema)
    pieces = list(read_tables(path, 20, ["n"]))
    assert max(map(len, pieces)) <= 20 and pa.concat_tables(pieces).equals(table.select(["n"]))
    for rows in ([3], [49, 0, 7, 6, 7], random.Random(0).choices(range(50), k=90)):
        assert take_rows(path, rows).to_pylist() == [{"n": n, "text": f"sample {n}"} for n in rows]
    with pytest.raises(ParquetError, match="t: not a readable"):
        take_rows(path, [50])


def test_tables_that_end_in_an_error_leave_no_file(tmp_path):
    def broken(table):
        yield table
        raise RuntimeError("stopped")

    table = pa.table({"n": [1]})
    with pytest.raises(RuntimeError, match="stopped"):
        write_tables(broken(table), tmp_path / "t", table.schema)
    assert not list(tmp_path.iterdir())


def test_rows_one_by_one_are_the_rows_at_once(written):
    _, path = written
    assert list(iterate_rows(path, 7)) == read_rows(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ParquetError, match=r"t.parquet: not a readable parquet file"):
        next(iterate_rows(path, 7))

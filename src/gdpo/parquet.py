"""Parquet files that are whole: written under a temporary name, read with their pages' checksums."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gdpo.whole_file import whole_file

_SHOWN = 300
"""Characters of Arrow's own error, which may list a schema."""


class ParquetError(ValueError):
    """A file that is no whole parquet file; the message names it."""


def write_table(table: pa.Table, path: Path | str) -> None:
    """Write a parquet file that appears whole or not at all; missing parent folders are made."""
    write_tables([table], path, table.schema)


def write_tables(tables: Iterable[pa.Table], path: Path | str, schema: pa.Schema) -> None:
    """Write tables of one schema below each other, each as a row group, holding one at a time.

    The file appears whole or not at all: not if ``tables`` raises. Missing parent folders are made.
    """
    with whole_file(path) as partial, pq.ParquetWriter(partial, schema, write_page_checksum=True) as writer:
        for table in tables:
            writer.write_table(table)


def read_table(path: Path | str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a parquet file; a damaged one is an error, never other values.

    Args:
        path: the file.
        columns: names to read; by default all.

    Raises:
        FileNotFoundError: no such file.
        ParquetError: not a parquet file, cut off, with a page whose checksum is another, or with texts that
            are not UTF-8.
    """
    with _named(path):
        table = pq.read_table(
            path, columns=columns and list(columns), partitioning=None, page_checksum_verification=True
        )
        table.validate(full=True)
        return table


def read_tables(path: Path | str, rows: int, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Read a parquet file piece by piece, at most ``rows`` rows at a time, in its order.

    Raises:
        FileNotFoundError: no such file.
        ParquetError: as :func:`read_table`, when the damaged piece is reached.
    """
    with _named(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        for batch in file.iter_batches(rows, columns=columns):
            batch.validate(full=True)
            yield pa.Table.from_batches([batch])


def take_rows(path: Path | str, rows: Sequence[int]) -> pa.Table:
    """Read the rows of these numbers, in this order; only the row groups that hold them are read.

    Raises:
        FileNotFoundError: no such file.
        ParquetError: as :func:`read_table`; or a row that the file does not have.
    """
    with _named(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        starts = np.cumsum([0, *sizes])
        groups, which = np.unique(np.searchsorted(starts, rows, side="right") - 1, return_inverse=True)
        table = file.read_row_groups(groups.tolist())
        table.validate(full=True)
    before = np.cumsum([0, *(sizes[group] for group in groups[:-1])])
    return table.take(pa.array(np.asarray(rows) - starts[groups[which]] + before[which]))


@contextlib.contextmanager
def _named(path: Path | str) -> Iterator[None]:
    """Errors of reading say which file it was."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        words = " ".join(str(error).split())[:_SHOWN]
        raise ParquetError(f"{path}: not a readable parquet file ({words})") from error


def read_rows(path: Path | str) -> list[dict[str, Any]]:
    """Read a parquet file's rows as Python values.

    Raises:
        FileNotFoundError: no such file.
        ParquetError: as :func:`read_table`; or a value that Python has no type for, as a year 30000.
    """
    return _as_python(read_table(path), path)


def iterate_rows(path: Path | str, at_once: int) -> Iterator[dict[str, Any]]:
    """The same rows one by one, of which only ``at_once`` are held: of a large file a few may be wanted.

    Nor can Arrow read a nested column whose texts are more than 2 GB at once.

    Raises:
        FileNotFoundError: no such file.
        ParquetError: as :func:`read_rows`, when the damaged piece is reached.
    """
    for table in read_tables(path, at_once):
        yield from _as_python(table, path)


def _as_python(table: pa.Table, path: Path | str) -> list[dict[str, Any]]:
    try:
        return table.to_pylist()
    except (pa.ArrowException, ValueError, OverflowError, KeyError) as error:  # KeyError: of a time zone
        raise ParquetError(
            f"{path}: holds values that Python cannot ({type(error).__name__}: {error}); write them as texts"
        ) from error

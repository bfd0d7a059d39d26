"""Parquet files that are whole: written under a temporary name, read with their pages' checksums."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gdpo.whole_file import whole_file


class ParquetError(ValueError):
    """A file that is no whole parquet file; the message names it."""


def write_table(table: pa.Table, path: Path | str) -> None:
    """Write a parquet file that appears whole or not at all; missing parent folders are made."""
    with whole_file(path) as partial:
        pq.write_table(table, partial, write_page_checksum=True)


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
    try:
        table = pq.read_table(path, columns=columns, partitioning=None, page_checksum_verification=True)
        table.validate(full=True)
        return table
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ParquetError(f"{path}: not a readable parquet file ({error})") from error


def read_rows(path: Path | str) -> list[dict[str, Any]]:
    """Read a parquet file's rows as Python values.

    Raises:
        FileNotFoundError: no such file.
        ParquetError: as :func:`read_table`; or a value that Python has no type for, as a year 30000.
    """
    table = read_table(path)
    try:
        return table.to_pylist()
    except (pa.ArrowException, ValueError, OverflowError, KeyError) as error:  # KeyError: of a time zone
        raise ParquetError(
            f"{path}: holds values that Python cannot ({type(error).__name__}: {error}); write them as texts"
        ) from error

"""Problem sets as files: checked before a write and after a read; the check that benchmarks are unseen."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa

from gdpo.data.schema import SchemaError, arrow_schema, check_problems
from gdpo.parquet import ParquetError, read_rows, write_table


class OverlapError(ValueError):
    """A benchmark holds training problems."""


def write_problems(frame: pd.DataFrame, path: Path | str) -> None:
    """Check a problem set and write it atomically.

    Raises:
        SchemaError: the set breaks the schema; nothing is written.
    """
    check_problems(frame, path)
    write_table(pa.Table.from_pylist(frame.to_dict("records"), schema=arrow_schema(frame)), path)


def read_problems(path: Path | str) -> pd.DataFrame:
    """Read and check a problem set; nested values come as plain lists and dicts.

    Raises:
        FileNotFoundError: no such file.
        SchemaError: not a parquet file, or one that breaks the schema.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such problem set; make it first or correct the path")
    try:
        rows = read_rows(path)
    except ParquetError as error:
        raise SchemaError(str(error)) from error
    if not rows:
        raise SchemaError(f"{path}: holds no problems")
    return check_problems(pd.DataFrame(rows), path)


def check_disjoint(training: pd.DataFrame, benchmarks: Mapping[str, pd.DataFrame]) -> None:
    """Check that no benchmark holds a training problem, by the fingerprint of its text.

    Raises:
        OverlapError: names the benchmark and the shared problems' ids (the first 10 and the count).
    """
    known = {info["fingerprint"] for info in training["extra_info"]}
    for name, frame in benchmarks.items():
        if shared := [info["id"] for info in frame["extra_info"] if info["fingerprint"] in known]:
            more = ", ..." if len(shared) > 10 else ""
            raise OverlapError(
                f"training shares {len(shared)} problems with benchmark {name!r}: "
                f"{', '.join(shared[:10])}{more}; name its datasets in problems.train.decontaminate.against"
            )

"""Stored samples: one row a response, with everything that scoring needs, and the seeds they come from."""

import contextlib
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from gdpo.config.host_memory import STORED_AT_ONCE
from gdpo.parquet import read_table, read_tables, write_tables

SCHEMA = pa.schema(
    [
        pa.field("problem_id", pa.string(), nullable=False),
        pa.field("sample_index", pa.int32(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("token_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("n_tokens", pa.int32(), nullable=False),
        pa.field("stop_reason", pa.dictionary(pa.int8(), pa.string()), nullable=False),
        pa.field("backend", pa.string(), nullable=False),
        pa.field("engine_version", pa.string(), nullable=False),
        pa.field("model_sha256", pa.string(), nullable=False),
    ]
)

PAIR = ("problem_id", "sample_index")
"""The columns that tell samples apart."""


class SamplesError(ValueError):
    """Stored samples that are not whole: a (problem, sample) pair is missing, doubled or unexpected."""


def sample_seed(base_seed: int, problem_id: str, sample_index: int) -> int:
    """Return the seed of one sample, from 0 to 2**63 - 1.

    It depends on its three arguments only, so more problems or more samples never change the old ones.
    """
    digest = hashlib.sha256(f"{base_seed}:{problem_id}:{sample_index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def check_complete(table: pa.Table, problem_ids: Collection[str], n: int, file: Path | str) -> None:
    """Check that the table holds each (problem, sample 0 to n - 1) exactly once and nothing else.

    Raises:
        SamplesError: names the file and the first pair that is missing, doubled or unexpected.
    """
    # The pairs that are expected are never listed: a damaged index may say that there are 2^31 of a problem.
    known = set(problem_ids)
    seen: set[tuple[str, int]] = set()
    pairs = zip(table["problem_id"].to_pylist(), table["sample_index"].to_pylist(), strict=True)
    for pair in pairs:
        if pair in seen:
            raise SamplesError(f"{file}: problem {pair[0]}, sample {pair[1]} is there twice; sample again")
        if pair[0] not in known or not 0 <= pair[1] < n:
            raise SamplesError(f"{file}: problem {pair[0]}, sample {pair[1]} was not asked for; sample again")
        seen.add(pair)
    if missing := len(known) * n - len(seen):
        pairs = ((problem, index) for problem in sorted(known) for index in range(n))
        problem, index = next(pair for pair in pairs if pair not in seen)
        raise SamplesError(
            f"{file}: problem {problem}, sample {index} is missing ({missing} of {len(known) * n} are); "
            "sample again"
        )


def as_samples(table: pa.Table) -> pa.Table:
    """Cast to the schema, in one piece, so that a file's bytes depend on its values alone.

    Raises:
        ValueError: other columns, or values that the schema does not allow.
    """
    plain = SCHEMA.set(SCHEMA.get_field_index("stop_reason"), pa.field("stop_reason", pa.string()))
    return table.cast(plain).combine_chunks().cast(SCHEMA)


def write_samples(tables: Iterable[pa.Table], path: Path | str, problem_ids: Collection[str], n: int) -> None:
    """Write samples atomically, one table at a time, and check that they are whole.

    Raises:
        SamplesError: see `check_complete`; nothing is written.
    """
    pairs = [SCHEMA.empty_table().select(PAIR)]

    def checked() -> Iterator[pa.Table]:
        for table in tables:
            pairs.append(table.select(PAIR))
            yield as_samples(table)
        check_complete(pa.concat_tables(pairs), problem_ids, n, path)

    write_tables(checked(), path, SCHEMA)


def read_samples(
    path: Path | str,
    problem_ids: Collection[str] | None = None,
    n: int | None = None,
    columns: Sequence[str] = SCHEMA.names,
    rows: int = STORED_AT_ONCE,
) -> Iterator[pa.Table]:
    """Read stored samples piece by piece, after a look at which there are.

    Args:
        path: the parquet file.
        problem_ids: the problems that must be there; by default those that are.
        n: samples that each problem must have; by default as many as the largest index tells.
        columns: those to read.
        rows: most rows of a piece.

    Raises:
        FileNotFoundError: no such file.
        SamplesError: not a samples file, or one that is not whole; or, while it is read, a damaged piece.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such samples; sample first or correct the path")
    with _named(path):
        pairs = _current(read_table(path, PAIR), PAIR)
    if not len(pairs):
        raise SamplesError(f"{path}: holds no samples; sample again")
    ids = set(pairs["problem_id"].to_pylist()) if problem_ids is None else problem_ids
    largest = max(pairs["sample_index"].to_pylist()) + 1
    check_complete(pairs, ids, largest if n is None else n, path)
    return _pieces(path, columns, rows, len(pairs))


def _pieces(path: Path, columns: Sequence[str], rows: int, expected: int) -> Iterator[pa.Table]:
    read = 0
    with _named(path):
        for piece in read_tables(path, rows, columns):
            read += len(piece)
            yield _current(piece, columns)
        if read != expected:
            raise ValueError(f"{read} rows where there are {expected}")


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors of reading say what to do."""
    try:
        yield
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise SamplesError(f"{path}: not a samples file ({error}); sample again") from error


def _current(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """These columns as they are today.

    Samples of before the engine's version was kept are read: they cost too much to be drawn again for it.
    """
    if "engine_version" in columns and "engine_version" not in table.column_names:
        unknown = pa.array(["unknown"] * len(table), pa.string())
        table = table.append_column("engine_version", unknown)
    return table.select(columns).cast(pa.schema([SCHEMA.field(name) for name in columns]))

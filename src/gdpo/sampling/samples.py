"""Stored samples: one row a response, with everything that scoring needs, and the seeds they come from."""

import hashlib
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from gdpo.parquet import read_table, write_table

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


def write_samples(table: pa.Table, path: Path | str, problem_ids: Collection[str], n: int) -> None:
    """Check that the samples are whole and write them atomically.

    Raises:
        SamplesError: see `check_complete`; nothing is written.
    """
    table = table.cast(SCHEMA)
    check_complete(table, problem_ids, n, path)
    write_table(table, path)


def read_samples(
    path: Path | str, problem_ids: Collection[str] | None = None, n: int | None = None
) -> pa.Table:
    """Read stored samples.

    Args:
        path: the parquet file.
        problem_ids: the problems that must be there; by default those that are.
        n: samples that each problem must have; by default as many as the largest index tells.

    Raises:
        FileNotFoundError: no such file.
        SamplesError: not a samples file, or one that is not whole.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such samples; sample first or correct the path")
    try:
        table = _current(read_table(path)).cast(SCHEMA)
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise SamplesError(f"{path}: not a samples file ({error}); sample again") from error
    if not len(table):
        raise SamplesError(f"{path}: holds no samples; sample again")
    ids = set(table["problem_id"].to_pylist()) if problem_ids is None else problem_ids
    largest = max(table["sample_index"].to_pylist()) + 1
    check_complete(table, ids, largest if n is None else n, path)
    return table


def _current(table: pa.Table) -> pa.Table:
    """Samples of before the engine's version was kept: they cost too much to be drawn again for it."""
    if "engine_version" in table.column_names:
        return table
    unknown = pa.array(["unknown"] * len(table), pa.string())
    return table.append_column("engine_version", unknown).select(SCHEMA.names)

"""Raw rows of a dataset: from a local file, or from the hub."""

import csv
import hashlib
import json
import os
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from gdpo.config.base import is_file
from gdpo.config.datasets import MIRROR, Dataset, FileSource, HubSource, MadeSource
from gdpo.parquet import ParquetError, iterate_rows
from gdpo.plugins import SOURCES
from gdpo.plugins.calling import place_in, raised
from gdpo.plugins.options import options_given
from gdpo.plugins.registry import Place

LONGEST_LINE = 16 << 20
"""Bytes of a line of JSON; a longer one is no problem but a damaged file, and is not read to its end."""


_AT_ONCE = 1000
"""Rows of a parquet file that are read at once: of gigabytes `keep` may leave a few."""
MOST_MADE = 5_000_000
"""Rows of a function that makes them; one that gives more never ends."""


class SourceError(ValueError):
    """A dataset that cannot be had or read; the message says which file to put where."""


class Raw(NamedTuple):
    """Rows as they stand in the source."""

    rows: list[tuple[int, dict[str, Any]]]
    """Row number in the source, and the row."""
    left_out: list[int]
    """Row numbers that `keep` left out."""
    origin: str
    """File name with checksum, or repository with commit."""


def read_source(name: str, dataset: Dataset) -> Raw:
    """Read a dataset's rows, or have them made, and check their number.

    Raises:
        SourceError: no source can be reached; a wrong checksum, row number or format.
    """
    if dataset.made:
        return _made(name, dataset.made)
    source = dataset.file if dataset.file and is_file(dataset.file.located()) else dataset.hub
    if source is None:
        raise SourceError(f"datasets.{name}.file: {dataset.problem()}")
    if isinstance(source, FileSource):
        kind, files, origin = "file", [source.located()], _checked_origin(name, source)
    else:
        kind = "hub"
        files, origin = _download(name, dataset, source)
    rows, left_out = [], []
    for index, record in enumerate(record for file in files for record in _records(file)):
        kept = all(re.search(pattern, str(record.get(column, ""))) for column, pattern in source.keep.items())
        (rows.append((index, record)) if kept else left_out.append(index))
    _check_rows(f"datasets.{name}.{kind}.rows", source.rows, len(rows), origin)
    return Raw(rows, left_out, origin)


def _check_rows(key: str, expected: int | None, found: int, origin: str) -> None:
    if expected is not None and found != expected:
        raise SourceError(
            f"{key}: {expected} rows are expected, {found} found in {origin}; get the right file, or correct "
            "rows"
        )


def _made(name: str, made: MadeSource) -> Raw:
    """Rows of a plug-in's function."""
    function = SOURCES[made.source].function
    place = Place.of(function)
    rows: list[tuple[int, dict[str, Any]]] = []
    try:
        for record in function(**options_given(function, made.options)):
            if not isinstance(record, dict):
                raise SourceError(
                    f"datasets.{name}.made: source {made.source} gave a {type(record).__name__} as row "
                    f"{len(rows)}, not a dict; mend {place}"
                )
            rows.append((len(rows), dict(record)))
            if len(rows) > (made.rows or MOST_MADE):
                break
    except SourceError:
        raise
    except (Exception, SystemExit) as error:
        place = place_in(function, error)
        raise SourceError(
            f"datasets.{name}.made: source {made.source} {raised(error)}; mend {place}"
        ) from error
    if made.rows is None and len(rows) > MOST_MADE:
        raise SourceError(
            f"datasets.{name}.made: source {made.source} gave more than {MOST_MADE:,} rows; mend {place}"
        )
    found = f"{len(rows)} or more" if made.rows and len(rows) > made.rows else str(len(rows))
    _check_rows(f"datasets.{name}.made.rows", made.rows, len(rows), f"source {made.source} ({found})")
    return Raw(rows, [], f"source {made.source} ({json.dumps(made.options, sort_keys=True)})")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as sha256sum prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked_origin(name: str, source: FileSource) -> str:
    path = source.located()
    found = file_sha256(path)
    if source.sha256 not in (None, found):
        raise SourceError(
            f"datasets.{name}.file.sha256: {path} has {found}, expected {source.sha256}; the file is damaged "
            "or another version: get it again, or correct sha256"
        )
    return f"{path.name} (sha256 {found[:12]})"


def _download(name: str, dataset: Dataset, source: HubSource) -> tuple[list[Path], str]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(
            snapshot_download(
                source.repo, repo_type="dataset", revision=source.revision, allow_patterns=source.file
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise SourceError(
            f"datasets.{name}: {source.repo} cannot be had from the hub "
            f"({str(error).splitlines()[0]}); {_instead(dataset, source)}"
        ) from error
    files = sorted(p for p in folder.rglob("*") if fnmatch(str(p.relative_to(folder)), source.file))
    if not files:
        raise SourceError(f"datasets.{name}.hub.file: {source.repo} has no {source.file}")
    return files, f"{source.repo} (commit {folder.name[:12]})"


def _instead(dataset: Dataset, source: HubSource) -> str:
    if dataset.file is None:
        return (
            f"download {source.file} of https://huggingface.co/datasets/{source.repo} where there is a "
            "network, and name it in a file section of the dataset"
        )
    where = os.environ.get(MIRROR)
    folder = where or f"a folder, and set the environment variable {MIRROR} to it"
    return f"put {dataset.file.path} into {folder}"


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a JSON, JSON lines, CSV or parquet file, one by one; texts stay texts (``"025"``)."""
    count = 0
    for record in _explained(path):
        if not isinstance(record, dict):
            raise SourceError(f"{path}: row {count} must be an object, not {type(record).__name__}")
        count += 1
        yield record
    if not count:
        raise SourceError(f"{path}: holds no rows; get the file again")


def _explained(path: Path) -> Iterator[Any]:
    """What a file holds for rows; errors of reading say what to do."""
    try:
        if path.suffix == ".parquet":
            yield from iterate_rows(path, _AT_ONCE)
        elif path.suffix == ".csv":
            yield from _csv(path)
        elif path.suffix == ".jsonl" or not _is_list(path):
            yield from _lines(path)
        else:
            yield from json.loads(path.read_bytes())
    except ParquetError as error:
        raise SourceError(f"{error}; get the file again") from error
    except SourceError:
        raise
    except (ValueError, RecursionError) as error:  # ValueError: also a number of over 4,300 digits
        kind = path.suffix[1:]
        raise SourceError(f"{path}: not readable as {kind}: {error}; get the file again") from error


csv.field_size_limit(LONGEST_LINE)


def _csv(path: Path) -> list[dict[str, Any]]:
    """Rows of a CSV file with a header line, all values texts; an empty cell is nothing."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            names = reader.fieldnames or []
            if doubled := sorted({name for name in names if names.count(name) > 1}):
                raise SourceError(f"{path}: line 1: column {doubled[0]!r} is there twice; rename one")
            records = []
            for record in reader:
                if None in record or None in record.values():
                    count = len(names) + len(record.get(None, [])) - list(record.values()).count(None)
                    raise SourceError(
                        f"{path}: line {reader.line_num}: {count} cells for {len(names)} columns; put texts "
                        "with a comma between double quotes"
                    )
                records.append({name: value or None for name, value in record.items()})
        except csv.Error as error:
            raise SourceError(
                f"{path}: line {reader.reader.line_num}: no CSV ({error}); mend the line"
            ) from error
    return records


def _is_list(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1000).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def _lines(path: Path) -> Iterator[Any]:
    """What stands in each line of JSON; only a newline ends a line, as texts may hold other separators."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                size = f"longer than {LONGEST_LINE >> 20} MB"
                raise SourceError(f"{path}: line {number} is {size}; get the file again")
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                hint = "mend the line, or get the file again"
                raise SourceError(f"{path}: line {number}: not JSON ({error}); {hint}") from error

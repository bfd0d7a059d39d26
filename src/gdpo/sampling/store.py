"""Samples that were drawn before: kept outside a job's outputs, so that only what is new is drawn.

Snakemake deletes a job's outputs before it starts and when it fails. Shards of samples therefore lie in a
folder of their own, named by what a sample depends on, and a job takes from it what it needs.
"""

import hashlib
import json
import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from gdpo.config.base import written
from gdpo.config.host_memory import STORED_AT_ONCE
from gdpo.config.sampling import Sampling
from gdpo.parquet import read_table, read_tables, take_rows, write_tables
from gdpo.sampling.samples import PAIR, SCHEMA, as_samples

log = logging.getLogger(__name__)

_INDEX = pa.schema([SCHEMA.field(name) for name in (*PAIR, "prompt")])


class Place(NamedTuple):
    """Where a sample is kept."""

    shard: Path
    row: int


Places = dict[tuple[str, int], Place]
"""(problem id, sample index) -> where it is."""


def engine_version(backend: str) -> str:
    """Version of the package that decodes."""
    return version("vllm" if backend == "vllm" else "transformers")


class SampleStore:
    """Shards of samples of one model, decoding and engine on one problem set.

    Args:
        root: folder of all stores.
        model_sha256: hash of the model's weights.
        section: how samples are drawn; their number and the batch size do not name the store.
        problem_set: name of the problem set.
    """

    def __init__(self, root: Path, model_sha256: str, section: Sampling, problem_set: str):
        named = {key: value for key, value in written(section).items() if key not in ("n", "batch_size")}
        depends = named | {
            "model": model_sha256,
            "engine": engine_version(section.backend),
        }
        key = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:16]
        self.folder = root / key / problem_set

    def find(self, prompts: Mapping[str, str], n: int) -> Places:
        """Where samples 0 to ``n`` - 1 of the problems in ``prompts`` are, where the prompt is the same.

        A shard that cannot be read is reported and left out: its samples are drawn again. Shards that have
        something to give are read through once, since the engine that could draw again is open only later.

        Args:
            prompts: problem id -> rendered prompt.
            n: samples a problem.
        """
        found: Places = {}
        for shard in sorted(self.folder.glob("[!.]*.parquet")):
            try:
                new = _places(shard, prompts, n)
                if new.keys() - found.keys():
                    _check(shard)
            except (pa.ArrowException, OSError, ValueError, KeyError) as error:
                log.warning("%s: a damaged shard, its samples are drawn again (%s)", shard, error)
                continue
            found = new | found
        return found

    def add(self, table: pa.Table) -> Places:
        """Keep samples as one more shard, which appears whole or not at all; return where they are."""
        shard = self.folder / f"{uuid.uuid4().hex}.parquet"
        pieces = (
            as_samples(table.slice(start, STORED_AT_ONCE)) for start in range(0, len(table), STORED_AT_ONCE)
        )
        write_tables(pieces, shard, SCHEMA)
        return {pair: Place(shard, row) for row, pair in enumerate(_pairs(table))}


def ordered(places: Sequence[Place]) -> Iterator[pa.Table]:
    """The samples at these places, in this order, in tables of ``STORED_AT_ONCE``, one at a time.

    Raises:
        gdpo.parquet.ParquetError: a shard was damaged since it was found.
    """
    for start in range(0, len(places), STORED_AT_ONCE):
        by_shard: dict[Path, list[int]] = {}
        block = places[start : start + STORED_AT_ONCE]
        for position, place in enumerate(block):
            by_shard.setdefault(place.shard, []).append(position)
        parts = [
            as_samples(take_rows(shard, [block[position].row for position in positions]))
            for shard, positions in by_shard.items()
        ]
        order = np.argsort([position for positions in by_shard.values() for position in positions])
        yield as_samples(pa.concat_tables(parts).take(pa.array(order)))


def _places(shard: Path, prompts: Mapping[str, str], n: int) -> Places:
    """Where the wanted samples of a shard are; only what tells that is read."""
    table = read_table(shard, _INDEX.names).cast(_INDEX)
    found: Places = {}
    for row, (pair, prompt) in enumerate(zip(_pairs(table), table["prompt"].to_pylist(), strict=True)):
        if pair[1] < n and prompts.get(pair[0]) == prompt:
            found.setdefault(pair, Place(shard, row))
    return found


def _pairs(table: pa.Table) -> Iterator[tuple[str, int]]:
    return zip(*(table[name].to_pylist() for name in PAIR), strict=True)


def _check(shard: Path) -> None:
    """Read all of a shard, piece by piece: an error if a part of it is damaged or no sample."""
    for piece in read_tables(shard, STORED_AT_ONCE):
        as_samples(piece)

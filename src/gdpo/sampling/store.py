"""Samples that were drawn before: kept outside a job's outputs, so that only what is new is drawn.

Snakemake deletes a job's outputs before it starts and when it fails. Shards of samples therefore lie in a
folder of their own, named by what a sample depends on, and a job takes from it what it needs.
"""

import hashlib
import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

from gdpo.config.sampling import Sampling
from gdpo.parquet import read_table, write_table
from gdpo.sampling.samples import SCHEMA

log = logging.getLogger(__name__)


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
        depends = section.model_dump(exclude={"n", "batch_size"}) | {
            "model": model_sha256,
            "engine": engine_version(section.backend),
        }
        key = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:16]
        self.folder = root / key / problem_set

    def read(self, prompts: Mapping[str, str]) -> dict[tuple[str, int], dict[str, Any]]:
        """(problem id, sample index) -> stored row, of the problems in ``prompts`` whose prompt is the same.

        A shard that cannot be read is reported and left out: its samples are drawn again.

        Args:
            prompts: problem id -> rendered prompt.
        """
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for shard in sorted(self.folder.glob("[!.]*.parquet")):
            try:
                rows = read_table(shard).cast(SCHEMA).to_pylist()
            except (pa.ArrowException, OSError, ValueError) as error:
                log.warning("%s: a damaged shard, its samples are drawn again (%s)", shard, error)
                continue
            for row in rows:
                if prompts.get(row["problem_id"]) == row["prompt"]:
                    found.setdefault((row["problem_id"], row["sample_index"]), row)
        return found

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep rows as one more shard; it appears whole or not at all."""
        table = pa.Table.from_pylist(list(rows), schema=SCHEMA)
        write_table(table, self.folder / f"{uuid.uuid4().hex}.parquet")

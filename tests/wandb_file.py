"""Reads what wandb wrote: a .wandb file is a LevelDB log of protocol-buffer records."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from wandb.proto import wandb_internal_pb2 as wandb_pb

BLOCK, HEADER = 32_768, 7
FULL, LAST = 1, 4


def history(path: Path) -> dict[int, dict[str, float]]:
    """Step -> logged values, without W&B's own."""
    rows = {}
    for record in _records(path):
        if record.WhichOneof("record_type") == "history":
            items = {i.key or ".".join(i.nested_key): json.loads(i.value_json) for i in record.history.item}
            rows[items["_step"]] = {key: value for key, value in items.items() if not key.startswith("_")}
    return rows


def run_record(path: Path) -> wandb_pb.RunRecord:
    """Id, group, name and config of the run."""
    return next(r.run for r in _records(path) if r.WhichOneof("record_type") == "run")


def _records(path: Path) -> Iterator[wandb_pb.Record]:
    data, at, parts = path.read_bytes(), HEADER, b""
    assert data.startswith(b":W&B")
    while at + HEADER <= len(data):
        if BLOCK - at % BLOCK < HEADER:  # padding at the end of a block
            at += BLOCK - at % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + HEADER])
        parts += data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (FULL, LAST):
            yield wandb_pb.Record.FromString(parts)
            parts = b""

"""The metrics that veRL's file logger writes while a run trains: JSON lines in its checkpoint folder.

Each training session has a segment of its own, named by the step of the checkpoint that it went on from.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from gdpo.whole_file import write_text

TAIL_BYTES = 65_536
"""What is read of the end of a segment: some ten steps."""


def segment_path(checkpoint_folder: Path, from_step: int) -> Path:
    """Where a session that goes on from ``from_step`` writes its steps."""
    return checkpoint_folder / "metrics" / f"{from_step:08d}.jsonl"


def start_segment(checkpoint_folder: Path, from_step: int) -> Path:
    """The empty segment of a new session; the steps after ``from_step`` are trained and recorded again."""
    path = segment_path(checkpoint_folder, from_step)
    for segment in _segments(checkpoint_folder):
        if int(segment.stem) > from_step:
            segment.unlink()
    write_text(path, "")
    return path


def all_steps(checkpoint_folder: Path) -> list[dict[str, Any]]:
    """One row a step in order: ``step`` and veRL's metrics; of a step trained twice, the later one."""
    rows: dict[int, dict[str, Any]] = {}
    for segment in _segments(checkpoint_folder):
        # A killed session, or a full disk, may leave a last line without its end.
        for line in segment.read_bytes().split(b"\n")[:-1]:
            row = _row(line)
            rows[row["step"]] = row
    return [rows[step] for step in sorted(rows)]


def newest_steps(checkpoint_folder: Path, n: int) -> list[dict[str, Any]]:
    """At most ``n`` rows as :func:`all_steps` gives them, newest first, from the ends of the files alone."""
    return list(islice(_newest_first(checkpoint_folder), n))


def newest_step(checkpoint_folder: Path) -> int:
    """The newest step that was recorded; 0 where there is none."""
    newest = newest_steps(checkpoint_folder, 1)
    return newest[0]["step"] if newest else 0


def updated(checkpoint_folder: Path) -> float | None:
    """When the newest segment was last written, in seconds since the epoch; none without one."""
    segments = _segments(checkpoint_folder)
    return segments[-1].stat().st_mtime if segments else None


def _segments(checkpoint_folder: Path) -> list[Path]:
    # Not those that are being written, whose names begin with a dot.
    return sorted((checkpoint_folder / "metrics").glob("[!.]*.jsonl"))


def _newest_first(checkpoint_folder: Path) -> Iterator[dict[str, Any]]:
    from_step = None
    for segment in reversed(_segments(checkpoint_folder)):
        for row in _tail(segment):
            if from_step is None or row["step"] <= from_step:  # later ones are trained again
                yield row
        from_step = int(segment.stem)


def _tail(segment: Path) -> Iterator[dict[str, Any]]:
    """Rows at the end of a segment, newest first; a line that is being written is left out."""
    with segment.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - TAIL_BYTES)
        file.seek(start)
        lines = file.read().split(b"\n")
    complete = lines[1 if start else 0 : -1]  # the last piece has no line end yet, or is empty
    return (_row(line) for line in reversed(complete))


def _row(line: bytes) -> dict[str, Any]:
    record = json.loads(line)
    return {"step": record["step"], **record["data"]}

"""Real maths problems from a DeepScaleR-style JSON file, as a problem set."""

import hashlib
import json
import logging
from pathlib import Path

import pandas as pd

from gdpo.config.math_files import MathFileProblems

log = logging.getLogger(__name__)


class MathFileError(ValueError):
    """A file that is not a list of problems with answers."""


def math_file_frame(name: str, section: MathFileProblems, split: str) -> pd.DataFrame:
    """The usable problems of a file in veRL's columns, in the file's order.

    Rows without an answer, with a text already seen, or longer than ``max_characters`` are left out; each
    reason is logged with its count and row numbers.

    Raises:
        MathFileError: not a JSON list of objects with ``problem`` and ``answer``, or nothing usable in it.
    """
    rows, dropped, seen = [], {"no answer": [], "doubled": [], "too long": []}, set()
    for index, record in enumerate(_records(section.path())):
        text, answer = str(record["problem"]).strip(), str(record["answer"] or "").strip()
        key = _id(section.file, text)
        if not answer or not text:
            dropped["no answer"].append(index)
        elif key in seen:
            dropped["doubled"].append(index)
        elif section.max_characters is not None and len(text) > section.max_characters:
            dropped["too long"].append(index)
        else:
            seen.add(key)
            rows.append(_row(name, section, split, index, key, text, answer))
        if len(rows) == section.size:
            break
    for reason, indices in dropped.items():
        if indices:
            log.info("%s: %d rows left out, %s: %s", section.file, len(indices), reason, indices[:20])
    if not rows:
        raise MathFileError(f"{section.path()}: no usable problem")
    return pd.DataFrame(rows)


def _records(path: Path) -> list[dict]:
    try:
        records = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise MathFileError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(records, list):
        raise MathFileError(f"{path}: must hold a list of problems, not {type(records).__name__}")
    for index, record in enumerate(records):
        if not isinstance(record, dict) or not {"problem", "answer"} <= set(record):
            raise MathFileError(f"{path}: row {index}: needs the keys problem and answer")
    return records


def _id(file: str, text: str) -> str:
    return hashlib.sha256(f"{file}:{' '.join(text.split())}".encode()).hexdigest()[:16]


def _row(
    name: str, section: MathFileProblems, split: str, index: int, key: str, text: str, answer: str
) -> dict:
    return {
        "data_source": name,
        "prompt": [{"role": "user", "content": f"{text} {section.suffix}".strip()}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": answer},
        "extra_info": {
            "id": key,
            "index": index,
            "split": split,
            "family": section.file.removesuffix(".json"),
        },
    }

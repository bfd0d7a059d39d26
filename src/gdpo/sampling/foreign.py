"""Generations of another tool: read, matched to a problem set, graded as ours are."""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gdpo.data.parquet import read_problems
from gdpo.data.similarity import fingerprint
from gdpo.sampling.score import golds_of, write_scores

log = logging.getLogger(__name__)

_SHOWN = 5  # ids that an error lists


class GenerationsError(ValueError):
    """Generations that cannot be used; the message names the file, and line and key where there is one."""


def score_generations(
    generations: Path, problem_set: Path, out: Path, tokenizer_folder: Path | None = None
) -> None:
    """Grade another tool's generations and write the columns that our own scored samples have.

    Args:
        generations: JSON lines or parquet with ``response`` (or ``text``) and one of ``problem_id``, ``id``
            (of the problem set) or ``problem`` (its text); optional ``sample_index`` (else counted in order),
            ``n_tokens`` (else counted with the tokenizer) and ``stop_reason`` (else ``eos``).
        problem_set: problems in veRL's schema.
        out: the parquet file of scores.
        tokenizer_folder: Hugging Face folder whose tokenizer counts tokens.

    Raises:
        GenerationsError: an unreadable row, an unknown problem, a doubled or missing sample, no token counts.
    """
    golds, texts = golds_of(problem_set), _ids_by_text(problem_set)
    rows, counted = [], Counter()
    for where, record in _records(generations):
        id = _problem_id(record, golds, texts, where)
        index = record.get("sample_index", counted[id])
        counted[id] += 1
        rows.append(
            {
                "problem_id": id,
                "sample_index": _integer(index, "sample_index", where),
                "text": _response(record, where),
                "n_tokens": record.get("n_tokens"),
                "stop_reason": record.get("stop_reason") or "eos",
                "where": where,
            }
        )
    if not rows:
        raise GenerationsError(f"{generations}: holds no generations")
    frame = pd.DataFrame(rows)
    _check_whole(frame, golds, generations)
    frame["n_tokens"] = _token_counts(frame, tokenizer_folder)
    write_scores(frame, golds, out)
    log.info("%d generations of %d problems graded", len(frame), len(golds))


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file and line, record)."""
    if path.suffix == ".parquet":
        try:
            records = pq.read_table(path, partitioning=None).to_pylist()
        except pa.ArrowInvalid as error:
            raise GenerationsError(f"{path}: not a readable parquet file ({error})") from error
        yield from ((f"{path}: row {number}", record) for number, record in enumerate(records))
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{path}: line {number}"
            try:
                record = json.loads(line)
            except ValueError as error:
                raise GenerationsError(f"{where}: not JSON ({error})") from error
            if not isinstance(record, dict):
                raise GenerationsError(f"{where}: must be an object, not {type(record).__name__}")
            yield where, record


def _ids_by_text(problem_set: Path) -> dict[str, str]:
    """Fingerprint of the text -> id; of the prompt as well, which may hold more than the problem."""
    frame = read_problems(problem_set)
    ids = [info["id"] for info in frame["extra_info"]]
    prompts = [fingerprint(messages[-1]["content"]) for messages in frame["prompt"]]
    known = [info["fingerprint"] for info in frame["extra_info"]]
    return dict(zip([*prompts, *known], [*ids, *ids], strict=True))


def _problem_id(record: dict[str, Any], golds: dict, texts: dict[str, str], where: str) -> str:
    id = record.get("problem_id", record.get("id"))
    if id in golds:
        return id
    if "problem" in record:
        id = texts.get(fingerprint(str(record["problem"])))
        if id is None:
            raise GenerationsError(f"{where}: problem: not a problem of the set: {record['problem'][:60]!r}")
        return id
    if id is None:
        raise GenerationsError(f"{where}: needs problem_id, id or problem; has {', '.join(record)}")
    raise GenerationsError(f"{where}: problem_id: {id!r} is not in the problem set")


def _response(record: dict[str, Any], where: str) -> str:
    text = record.get("response", record.get("text"))
    if not isinstance(text, str):
        raise GenerationsError(f"{where}: response: must be a text, not {type(text).__name__}")
    return text


def _integer(value: Any, key: str, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise GenerationsError(f"{where}: {key}: must be an integer from 0, not {value!r}")
    return value


def _check_whole(frame: pd.DataFrame, golds: dict, path: Path) -> None:
    """Every problem must have the same samples: a missing one would be a smaller denominator."""
    doubled = frame[frame.duplicated(["problem_id", "sample_index"])]
    if len(doubled):
        row = doubled.iloc[0]
        raise GenerationsError(
            f"{row['where']}: problem {row['problem_id']} has sample {row['sample_index']} already"
        )
    counts = frame.groupby("problem_id").size().reindex(golds, fill_value=0)
    if len(short := counts[counts < counts.max()]):
        listed = ", ".join(f"{id} ({count})" for id, count in short.head(_SHOWN).items())
        raise GenerationsError(
            f"{path}: {len(short)} of {len(golds)} problems have fewer samples than the others' "
            f"{counts.max()}: {listed}"
        )


def _token_counts(frame: pd.DataFrame, tokenizer_folder: Path | None) -> list[int]:
    if tokenizer_folder is not None:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
        encoded = tokenizer(list(frame["text"]), add_special_tokens=False)["input_ids"]
        given = zip(frame["n_tokens"], encoded, strict=True)
        return [len(ids) if pd.isna(count) else int(count) for count, ids in given]
    for where, count in zip(frame["where"], frame["n_tokens"], strict=True):
        if pd.isna(count):
            raise GenerationsError(f"{where}: n_tokens: missing; give it, or --tokenizer FOLDER to count")
        _integer(int(count) if count == int(count) else count, "n_tokens", where)
    return [int(count) for count in frame["n_tokens"]]

"""Generations of another tool: read, matched to a problem set, graded as ours are."""

import json
import logging
import math
import reprlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from gdpo.config.errors import config_error
from gdpo.config.host_memory import GRADED_AT_ONCE
from gdpo.data.problem_files import read_problems
from gdpo.data.similarity import fingerprint
from gdpo.parquet import ParquetError, read_rows
from gdpo.sampling.score import problems_of, write_scores
from gdpo.tasks import from_opening_tag

log = logging.getLogger(__name__)

_SHOWN = 5  # ids that an error lists


class GenerationsError(ValueError):
    """Generations that cannot be used; the message names the file, and line and key where there is one."""


def _integer(value: Any) -> Any:
    """Tables hold integers with gaps as floats, and not-a-number where nothing is."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _storable(text: str) -> str:
    """JSON may hold half of a surrogate pair, which no file of texts can."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"not a Unicode text: {error.reason} at character {error.start}") from error
    return text


_Text = Annotated[str, Field(strict=True), AfterValidator(_storable)]
_Count = Annotated[int | None, Field(strict=True, ge=0, lt=2**31), BeforeValidator(_integer)]


class Generation(BaseModel):
    """One generation as another tool writes it; keys that are not here are ignored."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    problem_id: Any = Field(default=None, validation_alias=AliasChoices("problem_id", "id"))
    """Id in the problem set; another id if ``problem`` is given."""

    problem: _Text | None = None
    """The problem's text, or the prompt."""

    response: _Text = Field(validation_alias=AliasChoices("response", "text"))
    """What the model wrote."""

    sample_index: _Count = None
    """Number of the sample of its problem, from 0; given for all of a problem or for none: then in order."""

    n_tokens: _Count = None
    """Length of the response in tokens; by default counted with the tokenizer."""

    stop_reason: _Text | None = None
    """Why it ended: length, or anything else."""

    open_reasoning: bool = False
    """Whether the prompt ended in ``<think>``, so that the response begins within the reasoning."""


def score_generations(
    generations: Path,
    problem_set: Path,
    out: Path,
    tokenizer_folder: Path | None = None,
    metrics: Sequence[str] = (),
) -> None:
    """Grade another tool's generations and write the columns that our own scored samples have.

    Args:
        generations: JSON lines or parquet; each row is a :class:`Generation`.
        problem_set: problems in veRL's schema.
        out: the parquet file of scores.
        tokenizer_folder: Hugging Face folder whose tokenizer counts tokens.
        metrics: as for :func:`gdpo.sampling.score.score_samples`.

    Raises:
        GenerationsError: an unreadable row, an unknown problem, a doubled or missing sample, no token counts.
    """
    problems, texts = problems_of(problem_set), _ids_by_text(problem_set)
    rows, counted = [], Counter()
    for where, record in _records(generations):
        made = _parsed(record, where)
        id = _problem_id(made, problems, texts, where)
        rows.append(
            {
                "problem_id": id,
                "sample_index": counted[id] if made.sample_index is None else made.sample_index,
                "text": from_opening_tag(made.response, made.open_reasoning),
                "n_tokens": made.n_tokens,
                "stop_reason": made.stop_reason or "eos",
                "where": where,
            }
        )
        counted[id] += 1
    if not rows:
        raise GenerationsError(f"{generations}: holds no generations")
    frame = pd.DataFrame(rows)
    _check_whole(frame, problems, generations)
    frame["n_tokens"] = _token_counts(frame, tokenizer_folder)
    starts = range(0, len(frame), GRADED_AT_ONCE)
    write_scores((frame.iloc[start : start + GRADED_AT_ONCE] for start in starts), problems, out, metrics)
    log.info("%d generations of %d problems graded", len(frame), len(problems))


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    """(file and line, what stands there)."""
    if path.suffix == ".parquet":
        try:
            records = read_rows(path)
        except ParquetError as error:
            raise GenerationsError(str(error)) from error
        yield from ((f"{path}: row {number}", record) for number, record in enumerate(records))
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield f"{path}: line {number}", json.loads(line)
            except (ValueError, RecursionError) as error:
                raise GenerationsError(f"{path}: line {number}: not JSON ({error})") from error


def _parsed(record: Any, where: str) -> Generation:
    if not isinstance(record, dict):
        raise GenerationsError(f"{where}: must be an object, not {type(record).__name__}")
    try:
        return Generation.model_validate(record)
    except ValidationError as error:
        first = str(config_error(error, Generation)).splitlines()[0]
        raise GenerationsError(f"{where}: {first[:200]}") from error


def _ids_by_text(problem_set: Path) -> dict[str, set[str]]:
    """Fingerprint of the text -> ids; of the prompt as well, which may hold more than the problem."""
    frame = read_problems(problem_set)
    ids: dict[str, set[str]] = {}
    for info, messages in zip(frame["extra_info"], frame["prompt"], strict=True):
        for key in (info["fingerprint"], fingerprint(messages[-1]["content"])):
            ids.setdefault(key, set()).add(info["id"])
    return ids


def _problem_id(made: Generation, problems: dict, texts: dict[str, set[str]], where: str) -> str:
    """The problem's id: a known one, unless the text says that it is another's (a tool's own numbering)."""
    known = isinstance(made.problem_id, str) and made.problem_id in problems
    if made.problem is None:
        if made.problem_id is None:
            raise GenerationsError(f"{where}: needs problem_id, id or problem")
        if not known:
            raise GenerationsError(
                f"{where}: problem_id: {reprlib.repr(made.problem_id)} is not in the problem set"
            )
        return made.problem_id
    found = texts.get(fingerprint(made.problem), set())
    if known and (not found or made.problem_id in found):
        return made.problem_id
    if not found:
        raise GenerationsError(f"{where}: problem: not a problem of the set: {made.problem[:60]!r}")
    if len(found) > 1:
        raise GenerationsError(
            f"{where}: problem: this text is that of {', '.join(sorted(found))}; give the problem_id"
        )
    return next(iter(found))


def _check_whole(frame: pd.DataFrame, problems: dict, path: Path) -> None:
    """Every problem must have samples 0 to n - 1: a missing one would be a smaller denominator."""
    doubled = frame[frame.duplicated(["problem_id", "sample_index"])]
    if len(doubled):
        row = doubled.iloc[0]
        raise GenerationsError(
            f"{row['where']}: problem {row['problem_id']} has sample {row['sample_index']} already"
        )
    counts = frame.groupby("problem_id").size().reindex(problems, fill_value=0)
    if len(short := counts[counts < counts.max()]):
        listed = ", ".join(f"{id} ({count})" for id, count in short.head(_SHOWN).items())
        raise GenerationsError(
            f"{path}: {len(short)} of {len(problems)} problems have fewer samples than the others' "
            f"{counts.max()}: {listed}"
        )
    beyond = frame[frame["sample_index"] >= counts.max()]
    if len(beyond):
        row = beyond.iloc[0]
        raise GenerationsError(
            f"{row['where']}: sample_index: {row['sample_index']} of {counts.max()} samples; "
            f"they count from 0 to {counts.max() - 1}"
        )


def _token_counts(frame: pd.DataFrame, tokenizer_folder: Path | None) -> list[int]:
    if tokenizer_folder is not None:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder, trust_remote_code=False)
        # One text at a time: a token is 36 bytes in a list.
        return [
            len(tokenizer(text, add_special_tokens=False)["input_ids"]) if pd.isna(count) else int(count)
            for text, count in zip(frame["text"], frame["n_tokens"], strict=True)
        ]
    if (missing := frame["n_tokens"].isna()).any():
        where = frame.loc[missing, "where"].iloc[0]
        raise GenerationsError(f"{where}: n_tokens: missing; give it, or --tokenizer FOLDER to count")
    return [int(count) for count in frame["n_tokens"]]

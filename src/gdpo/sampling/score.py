"""Grade stored samples: the same verdict that training rewards see, one row a sample."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa

from gdpo.config.host_memory import GRADED_AT_ONCE
from gdpo.data.problem_files import read_problems
from gdpo.grading import (
    Gold,
    from_opening_tag,
    grade_all,
    is_well_formed,
    leaves_reasoning_open,
    normalize_answer,
)
from gdpo.parquet import write_table
from gdpo.sampling.samples import read_samples

SCORES = pa.schema(
    [
        ("problem_id", pa.string()),
        ("sample_index", pa.int32()),
        ("verdict", pa.string()),
        ("extracted", pa.string()),
        ("answer", pa.string()),
        ("format", pa.bool_()),
        ("n_tokens", pa.int32()),
        ("stop_reason", pa.string()),
    ]
)
"""Columns of scored samples: ``extracted`` as written, ``answer`` normalised (for maj@k); null where none."""

GRADED = ("problem_id", "sample_index", "prompt", "text", "n_tokens", "stop_reason")


def score_samples(samples: Path, problem_set: Path, out: Path) -> None:
    """Grade every stored sample and write one row each, columns ``SCORES``.

    Raises:
        gdpo.sampling.samples.SamplesError: a sample is missing or doubled.
    """
    golds = golds_of(problem_set)
    pieces = read_samples(samples, golds, columns=GRADED, rows=GRADED_AT_ONCE)
    write_scores(map(_whole_texts, pieces), golds, out)


def _whole_texts(piece: pa.Table) -> pd.DataFrame:
    """Texts from the opening tag on, by the prompt: the chat template may have opened the reasoning."""
    found = piece.to_pandas()
    opened = found["prompt"].map(leaves_reasoning_open)
    texts = [from_opening_tag(*each) for each in zip(found["text"], opened, strict=True)]
    return found.assign(text=texts)


def golds_of(problem_set: Path) -> dict[str, Gold]:
    """Problem id -> what is right."""
    problems = read_problems(problem_set)
    columns = zip(problems["extra_info"], problems["reward_model"], strict=True)
    return {info["id"]: Gold.of(reward) for info, reward in columns}


def write_scores(pieces: Iterable[pd.DataFrame], golds: Mapping[str, Gold], out: Path) -> None:
    """Grade samples (columns problem_id, sample_index, text, n_tokens, stop_reason) and write them.

    They come piece by piece, so that only one piece's texts are in memory. A text whose prompt opened the
    reasoning begins with its opening tag.

    Raises:
        KeyError: a sample of a problem that is not in ``golds``.
    """
    scores = pa.concat_tables([_graded(piece, golds) for piece in pieces])
    write_table(scores.combine_chunks(), out)


def _graded(samples: pd.DataFrame, golds: Mapping[str, Gold]) -> pa.Table:
    verdicts = grade_all(list(samples["text"]), [golds[id] for id in samples["problem_id"]])
    scored = samples.assign(
        verdict=[verdict.verdict for verdict in verdicts],
        extracted=[verdict.extracted for verdict in verdicts],
        answer=[verdict.extracted and normalize_answer(verdict.extracted) for verdict in verdicts],
        format=[is_well_formed(text) for text in samples["text"]],
    )
    return pa.Table.from_pandas(scored[SCORES.names], schema=SCORES, preserve_index=False)

"""Stored samples that a plug-in is tried on."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gdpo.rewards import Response
from gdpo.sampling.samples import read_samples
from gdpo.sampling.score import GRADED, TOKENS, problems_of, responses_of, scored, whole_texts

ANYWHERE = "*/evaluation/*/*/samples.parquet"
"""Where a study keeps the samples of a model on a benchmark, below the folder of all results."""
_PIECE = 1024


class Evidence(NamedTuple):
    """Judged responses of an evaluation."""

    samples: Path
    responses: list[Response]
    scores: pd.DataFrame
    """As metrics see them: one row a response, columns ``gdpo.sampling.score.SCORES``."""

    @property
    def groups(self) -> list[str]:
        """The problem of each response."""
        return [response.problem.id for response in self.responses]


def newest_samples(results: Path) -> Path | None:
    """The samples that were drawn last, of those whose problem set is there."""
    there = [path for path in results.glob(ANYWHERE) if problem_set_of(path).is_file()]
    return max(there, key=lambda path: path.stat().st_mtime, default=None)


def problem_set_of(samples: Path) -> Path:
    """Where a study keeps the problem set of samples."""
    benchmark = samples.absolute().parent
    return benchmark.joinpath("..", "..", "..", "problems", f"{benchmark.name}.parquet").resolve()


def evidence_of(samples: Path, problem_set: Path | None, most: int) -> Evidence:
    """Read and judge stored samples.

    Args:
        samples: as an evaluation stores them.
        problem_set: their problems; by default those of the study that the samples lie in.
        most: responses to take, all samples of a problem or none (but of one at least).

    Raises:
        FileNotFoundError: one of the files does not exist.
        ValueError: a file is not what it should be, or a sample's problem is not in the set.
        gdpo.tasks.JudgeError: a grader failed.
    """
    if not samples.is_file():
        raise FileNotFoundError(f"{samples}: no such samples; correct the path")
    where = problem_set or problem_set_of(samples)
    if not where.is_file():
        hint = "" if problem_set else "; give the problem set of these samples with --problems"
        raise FileNotFoundError(f"{where}: no such problem set{hint}")
    problems = problems_of(where)
    wanted = _first_problems(samples, most)
    pieces = read_samples(samples, columns=[*GRADED, TOKENS], rows=_PIECE)
    chosen = (piece.filter(pc.is_in(piece["problem_id"], pa.array(wanted))) for piece in pieces)
    frame = pd.concat([whole_texts(piece) for piece in chosen if len(piece)], ignore_index=True)
    if unknown := sorted(set(frame["problem_id"]) - set(problems)):
        raise ValueError(f"{where}: has no problem {unknown[0]}, which {samples} has samples of")
    responses = responses_of(frame, problems)
    return Evidence(samples, responses, scored(frame, responses).to_pandas())


def _first_problems(samples: Path, most: int) -> list[str]:
    """The first problems that have at most so many samples together, and one at least."""
    ids = pa.concat_tables(read_samples(samples, columns=["problem_id"]))["problem_id"].to_pandas()
    counts = ids.groupby(ids, sort=False).size().cumsum()
    return list(counts.index[: max(1, int((counts <= most).sum()))])

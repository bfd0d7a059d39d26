"""Judge stored samples: the same verdict that training rewards see, one row a sample."""

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path

import pandas as pd
import pyarrow as pa

from gdpo.config.host_memory import GRADED_AT_ONCE
from gdpo.data.problem_files import read_problems
from gdpo.parquet import write_table
from gdpo.plugins import METRICS
from gdpo.plugins.calling import MetricError, call, seconds_allowed
from gdpo.plugins.registry import Place
from gdpo.plugins.time_limit import TimeLimit
from gdpo.rewards import Response, judged
from gdpo.sampling.samples import read_samples
from gdpo.tasks import Problem, form_of, from_opening_tag, leaves_reasoning_open, vote_of

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
TOKENS = "token_ids"
"""Read beside those only for metrics of responses, which may look at them."""


def metric_column(name: str) -> str:
    """Where scored samples hold a metric of responses."""
    return f"metric/{name}"


def score_samples(samples: Path, problem_set: Path, out: Path, metrics: Sequence[str] = ()) -> None:
    """Judge every stored sample and write one row each, columns ``SCORES``.

    Args:
        samples: the stored samples.
        problem_set: problems in veRL's schema.
        out: the parquet file of scores.
        metrics: registered metrics; those of responses become columns (:func:`metric_column`).

    Raises:
        gdpo.sampling.samples.SamplesError: a sample is missing or doubled.
        gdpo.tasks.JudgeError: a grader of a plug-in failed.
        MetricError: a metric that does not exist, or failed.
    """
    problems = problems_of(problem_set)
    columns = [*GRADED, TOKENS] if _of_responses(metrics) else GRADED
    pieces = read_samples(samples, problems, columns=columns, rows=GRADED_AT_ONCE)
    write_scores(map(whole_texts, pieces), problems, out, metrics)


def whole_texts(piece: pa.Table) -> pd.DataFrame:
    """Samples whose texts begin with the opening tag that, by the prompt, the chat template has set."""
    found = piece.to_pandas()
    opened = found["prompt"].map(leaves_reasoning_open)
    texts = [from_opening_tag(*each) for each in zip(found["text"], opened, strict=True)]
    return found.assign(text=texts)


def problems_of(problem_set: Path) -> dict[str, Problem]:
    """Problem id -> the problem."""
    problems = map(Problem.of, read_problems(problem_set).to_dict("records"))
    return {problem.id: problem for problem in problems}


def write_scores(
    pieces: Iterable[pd.DataFrame],
    problems: Mapping[str, Problem],
    out: Path,
    metrics: Sequence[str] = (),
) -> None:
    """Judge samples (columns problem_id, sample_index, text, n_tokens, stop_reason) and write them.

    They come piece by piece, so that only one piece's texts are in memory. A text whose prompt opened the
    reasoning begins with its opening tag.

    Raises:
        KeyError: a sample of a problem that is not in ``problems``.
        gdpo.tasks.JudgeError: a grader of a plug-in failed.
        MetricError: a metric that does not exist, or failed.
    """
    named = _of_responses(metrics)
    scores = pa.concat_tables([scored(piece, responses_of(piece, problems), named) for piece in pieces])
    write_table(scores.combine_chunks(), out)


def _of_responses(metrics: Sequence[str]) -> list[str]:
    if unknown := [name for name in metrics if name not in METRICS]:
        raise MetricError(
            f"no metric {unknown[0]!r}: the plug-in that has it is not loaded; there are: {sorted(METRICS)}"
        )
    return [name for name in metrics if not METRICS[name].of_samples]


def responses_of(samples: pd.DataFrame, problems: Mapping[str, Problem]) -> list[Response]:
    """Samples (columns as for :func:`write_scores`, and token_ids where they are known), judged.

    Raises:
        KeyError: a sample of a problem that is not in ``problems``.
        gdpo.tasks.JudgeError: a grader of a plug-in failed.
    """
    return judged(
        list(samples["text"]),
        list(samples["n_tokens"]),
        [problems[id] for id in samples["problem_id"]],
        list(samples[TOKENS]) if TOKENS in samples else None,
    )


def scored(samples: pd.DataFrame, responses: Sequence[Response], metrics: Sequence[str] = ()) -> pa.Table:
    """The table of scores of judged samples, columns ``SCORES`` and those of metrics of responses.

    Raises:
        MetricError: a metric failed.
    """
    answers = [response.verdict.extracted for response in responses]
    columns = samples.assign(
        verdict=[response.verdict.verdict for response in responses],
        extracted=answers,
        answer=[vote_of(response.verdict) for response in responses],
        format=[form_of(response.text, response.verdict) for response in responses],
        **{metric_column(name): metric_values(name, responses) for name in metrics},
    )
    schema = SCORES
    for name in metrics:
        schema = schema.append(pa.field(metric_column(name), pa.float64()))
    return pa.Table.from_pandas(columns[schema.names], schema=schema, preserve_index=False)


def metric_values(name: str, responses: Sequence[Response]) -> list[float]:
    """A metric of each response.

    Raises:
        MetricError: it raises, hangs, or gives no finite number.
    """
    function, limit = METRICS[name].function, TimeLimit(seconds_allowed())
    found = []
    with limit.calls():
        for response in responses:

            def error(what: str, place: Place, id: str = response.problem.id) -> MetricError:
                return MetricError(f"metric {name} {what} on a response to problem {id}; mend {place}")

            value = call(limit, error, function, response)
            if not isinstance(value, Real) or not math.isfinite(value):
                raise error(f"gave {value!r:.80}, not a finite number,", Place.of(function))
            found.append(float(value))
    return found

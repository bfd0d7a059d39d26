"""One dataset of the catalogue, cleaned: each row kept, changed or left out, for a recorded reason."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
from pydantic import BaseModel

from gdpo.config.datasets import WHOLE_ROW, Dataset, is_there
from gdpo.data.schema import SchemaError, check_dataset, storable
from gdpo.data.similarity import fingerprint
from gdpo.data.sources import Raw, SourceError, read_source
from gdpo.parquet import read_table
from gdpo.plugins import TASKS
from gdpo.plugins.registry import Place
from gdpo.tasks import Asked, Row, RowError
from gdpo.tasks.asking import asking
from gdpo.tasks.problem import MATH
from gdpo.tasks.row import is_empty

LONGEST_PROBLEM = 200_000
"""Characters; no real problem comes near (DeepScaleR's longest has 5,154)."""
TABLE = pa.schema(
    [
        ("id", pa.string()),
        ("row", pa.int64()),
        ("dataset", pa.string()),
        ("problem", pa.string()),
        ("answers", pa.list_(pa.string())),
        ("several", pa.string()),
        ("answer_type", pa.string()),
        ("tolerance", pa.float64()),
        ("unit", pa.string()),
        ("fingerprint", pa.string()),
    ]
)
"""Columns of a cleaned dataset; the id is the dataset's name and the fingerprint of the problem's text."""
OPTIONAL = ("grader", "further", "task", "prompt")
"""Columns of texts that it has where a problem has another grader, further columns (as JSON), another task, a
prompt of its own (messages as JSON)."""


class Note(BaseModel):
    """What happened to one row."""

    row: int
    """Number of the row in the source, from 0."""
    what: Literal["left out", "changed"]
    reason: str


class DatasetReport(BaseModel):
    """What became of a dataset's rows; ``read`` = ``kept`` + those left out."""

    dataset: str
    origin: str
    """File with checksum, or repository with commit."""
    licence: str
    read: int
    kept: int
    notes: list[Note]


def clean_dataset(name: str, dataset: Dataset) -> tuple[pa.Table, DatasetReport]:
    """Read and clean one dataset.

    Raises:
        SourceError: it cannot be had, lacks a column, no row is usable, or a plug-in's task goes wrong.
    """
    raw = read_source(name, dataset)
    columns = _columns(name, dataset, raw)
    notes = [Note(row=row, what="left out", reason="not among the rows to keep") for row in raw.left_out]
    rows, seen = [], {}
    with asking(dataset.task, partial(_task_error, name, dataset.task)) as ask:
        for index, record in raw.rows:
            try:
                row, changes = _row(name, dataset, columns, index, record, ask)
                if row["id"] in seen:
                    raise RowError(f"the same problem as row {seen[row['id']]}")
            except RowError as error:
                notes.append(Note(row=index, what="left out", reason=str(error)))
                continue
            seen[row["id"]] = index
            rows.append(row)
            notes += [Note(row=index, what="changed", reason=change) for change in changes]
    if not rows:
        reasons = Counter(note.reason for note in notes).most_common(3)
        found = ", ".join(f"{count} x {reason}" for reason, count in reasons)
        raise SourceError(f"datasets.{name}: no usable row in {raw.origin}: {found}")
    read = len(raw.rows) + len(raw.left_out)
    report = DatasetReport(
        dataset=name, origin=raw.origin, licence=dataset.licence, read=read, kept=len(rows), notes=notes
    )
    check_dataset(pd.DataFrame(rows), name)
    return pa.Table.from_pylist(rows, schema=_schema(rows[0])), report


def _schema(columns: Iterable[str]) -> pa.Schema:
    schema = TABLE
    for name in OPTIONAL:
        if name in columns:
            schema = schema.append(pa.field(name, pa.string()))
    return schema


def read_dataset(path: Path | str) -> pd.DataFrame:
    """A cleaned dataset, checked; lists come as lists.

    Raises:
        SchemaError: it breaks the schema.
    """
    table = read_table(path)
    try:
        rows = table.cast(_schema(table.column_names)).to_pylist()
    except (pa.ArrowException, ValueError) as error:
        raise SchemaError(f"{path}: not a cleaned dataset ({error}); make it again") from error
    return check_dataset(pd.DataFrame(rows), path)


def _columns(name: str, dataset: Dataset, raw: Raw) -> dict[str, str | None]:
    """Kind of column -> its name in this source, or None.

    Raises:
        SourceError: no problem or no answer column, or none of those that the dataset names for another kind.
    """
    there = dict.fromkeys(column for _, record in raw.rows for column in record)
    found = {}
    for kind, candidates in dataset.columns.model_dump(exclude={"row"}).items():
        found[kind] = next((column for column in candidates if is_there(column, there)), None)
        needed = kind in ("problem", "answer") or kind in dataset.columns.given()
        if found[kind] is None and needed and candidates:
            raise SourceError(
                f"datasets.{name}.columns.{kind}: {raw.origin} has no column {' or '.join(candidates)}; "
                f"its columns are {', '.join(there)}"
            )
    if missing := [column for column in dataset.columns.row if not is_there(column, there)]:
        raise SourceError(
            f"datasets.{name}.columns.row: {raw.origin} has no column {missing[0]}; its columns are "
            f"{', '.join(there)}"
        )
    return found


def _task_error(name: str, task: str, index: int, what: str, place: Place) -> SourceError:
    return SourceError(f"datasets.{name}: row {index}: task {task} {what}; mend {place}")


def _row(
    name: str,
    dataset: Dataset,
    columns: dict[str, str | None],
    index: int,
    record: dict[str, Any],
    ask: Callable[[int, Row], Asked],
) -> tuple[dict[str, Any], list[str]]:
    values = {kind: value_of(record, column) if column else None for kind, column in columns.items()}
    # A row may have its tools in any of the columns.
    tools = [value_of(record, column) for column in dataset.columns.tools]
    values["tools"] = next(filter(_is_filled, tools), values["tools"])
    if dataset.columns.options and values["options"] is None:
        values["options"] = []  # to be told from a dataset without any
    asked = ask(index, Row(**values, grader=dataset.grader))
    contents = [message["content"] for message in asked.messages or ()] or [asked.text]
    if sum(map(len, contents)) > LONGEST_PROBLEM:
        raise RowError(f"problem text longer than {LONGEST_PROBLEM} characters")
    if not all(map(storable, (asked.text, asked.unit or "", asked.answer_type, *contents, *asked.answers))):
        raise RowError("text that is no Unicode: half of a surrogate pair")
    mark = fingerprint("\n".join(contents))
    row = {
        "id": f"{name}-{mark}",
        "row": index,
        "dataset": name,
        "problem": asked.text,
        "answers": asked.answers,
        "several": dataset.several_answers,
        "answer_type": asked.answer_type,
        "tolerance": asked.tolerance,
        "unit": asked.unit,
        "fingerprint": mark,
    }
    if dataset.grader or dataset.columns.options or dataset.task != MATH:
        usual = TASKS[dataset.task].grader
        row["grader"] = dataset.grader or asked.grader or (None if usual == MATH else usual)
    if dataset.columns.row:
        row["further"] = _further({column: value_of(record, column) for column in dataset.columns.row})
    if dataset.task != MATH:
        row["task"] = dataset.task
        row["prompt"] = asked.messages and json.dumps(list(asked.messages))
    return row, list(asked.changes)


def _is_filled(value: Any) -> bool:
    """Whether a cell holds anything: an empty list is nothing where another column has tools."""
    return not is_empty(value) and (hasattr(value, "tolist") or value != [])


def value_of(record: dict[str, Any], column: str) -> Any:
    """A column's value; of ``a.b`` what column a has under b, if no column is called so; ``*``: the row."""
    if column in record:
        return record[column]
    if column == WHOLE_ROW:
        return record
    first, _, rest = column.partition(".")
    inner = record.get(first)
    if isinstance(inner, list):
        inner = {str(place): value for place, value in zip(_places(len(inner)), inner * 2, strict=True)}
    return value_of(inner, rest) if isinstance(inner, dict) and rest else None


def _places(length: int) -> list[int]:
    """Numbers of a list's items, from its beginning and from its end."""
    return [*range(length), *range(-length, 0)]


def _plain(value: Any) -> Any:
    """A date, or a value of NumPy's, as JSON has it."""
    for method in ("isoformat", "tolist"):
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError(f"a {type(value).__name__}")


def _further(values: dict[str, Any]) -> str:
    """Further columns as JSON; not-a-number is how tables write nothing."""
    values = {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in values.items()
    }
    try:
        return json.dumps(values, allow_nan=False, sort_keys=True, default=_plain)
    except (TypeError, ValueError) as error:
        raise RowError(f"a further column is no plain value ({error})") from error

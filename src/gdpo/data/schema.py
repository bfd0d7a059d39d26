"""The schemas of a problem set (veRL's parquet columns) and of a cleaned dataset, checked by pandera."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow

ARROW = pyarrow.schema(
    [
        ("data_source", pyarrow.string()),
        ("prompt", pyarrow.list_(pyarrow.struct({"role": pyarrow.string(), "content": pyarrow.string()}))),
        ("ability", pyarrow.string()),
        (
            "reward_model",
            pyarrow.struct(
                {
                    "style": pyarrow.string(),
                    "ground_truth": pyarrow.list_(pyarrow.string()),
                    "several": pyarrow.string(),
                    "answer_type": pyarrow.string(),
                    "tolerance": pyarrow.float64(),
                    "unit": pyarrow.string(),
                }
            ),
        ),
        (
            "extra_info",
            pyarrow.struct(
                {
                    "id": pyarrow.string(),
                    "index": pyarrow.int64(),
                    "split": pyarrow.string(),
                    "family": pyarrow.string(),
                    "fingerprint": pyarrow.string(),
                }
            ),
        ),
    ]
)
"""Types on disk, of what every problem set has."""
OPTIONAL = {"reward_model": ("grader", pyarrow.string()), "extra_info": ("row", pyarrow.string())}
"""Column -> a field that it has where some problem does: another grader, further columns of its row."""


def arrow_schema(frame: pd.DataFrame) -> pyarrow.Schema:
    """Types on disk of a problem set."""
    schema = ARROW
    for column, (field, kind) in OPTIONAL.items():
        if any(value.get(field) for value in frame[column]):
            position = schema.get_field_index(column)
            fields = [*schema.field(column).type, pyarrow.field(field, kind)]
            schema = schema.set(position, pyarrow.field(column, pyarrow.struct(fields)))
    return schema


class SchemaError(ValueError):
    """A problem set that breaks the schema; the message names file, row, column, value and the rule."""


def storable(text: str) -> bool:
    """Whether a file of texts can hold it: JSON can hold half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _filled(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != "" and storable(value)


def _text_or_none(value: Any) -> bool:
    return value is None or (isinstance(value, str) and storable(value))


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_prompt(value: Any) -> bool:
    messages = isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0
    return messages and all(
        isinstance(m, Mapping)
        and set(m) == {"role", "content"}
        and _filled(m["role"])
        and _filled(m["content"])
        for m in value
    )


def _is_reward_model(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and value.get("style") == "rule"
        and isinstance(golds := value.get("ground_truth"), list)
        and len(golds) > 0
        and all(map(_filled, golds))
        and value.get("several") in ("any", "all")
        and _is_tolerance(value.get("tolerance"))
        and _text_or_none(value.get("unit"))
        and _text_or_none(value.get("grader"))
    )


def _is_tolerance(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value is None or (number and 0 < value < float("inf"))


def _is_extra_info(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and _filled(value.get("id"))
        and _filled(value.get("split"))
        and _filled(value.get("fingerprint"))
        and _whole(value.get("index"))
    )


def _column(check: Callable[[Any], bool], rule: str) -> pa.Column:
    return pa.Column(object, pa.Check(check, element_wise=True, error=rule), coerce=True)


_REWARD_MODEL_RULE = (
    '{style: "rule", ground_truth: a list of non-empty texts, several: "any" or "all", '
    "tolerance: positive and finite, or none, unit: a text or none}"
)
SCHEMA = pa.DataFrameSchema(
    {
        "data_source": _column(_filled, "a non-empty text"),
        "prompt": _column(_is_prompt, "a non-empty list of {role, content}, both non-empty texts"),
        "ability": _column(_filled, "a non-empty text"),
        "reward_model": _column(_is_reward_model, _REWARD_MODEL_RULE),
        "extra_info": _column(
            _is_extra_info, "{id, split, fingerprint: texts, index: integer}, more is allowed"
        ),
    },
    strict=True,
)


def _is_answers(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_filled, value))


DATASET = pa.DataFrameSchema(
    {
        **{
            name: _column(_filled, "a non-empty text") for name in ("id", "dataset", "problem", "fingerprint")
        },
        "row": _column(lambda value: _whole(value) and value >= 0, "a row number"),
        "answers": _column(_is_answers, "a list of non-empty texts"),
        "several": _column(lambda value: value in ("any", "all"), '"any" or "all"'),
        "answer_type": _column(_filled, "a non-empty text"),
    }
)
"""A cleaned dataset; tolerance and unit are beside these and may be empty."""


def check_dataset(frame: pd.DataFrame, file: Path | str) -> pd.DataFrame:
    """Return `frame` if it is a cleaned dataset with unique ids.

    Raises:
        SchemaError: the first violation, with file, row, column, value and what is allowed.
    """
    _validate(DATASET, frame, file)
    _check_unique(frame["id"], "id", file)
    return frame


def check_problems(frame: pd.DataFrame, file: Path | str) -> pd.DataFrame:
    """Return `frame` if it is a valid problem set with unique ids.

    Args:
        frame: one row a problem, nested values as plain lists and dicts.
        file: what an error calls the set.

    Raises:
        SchemaError: the first violation, with file, row, column, value and what is allowed.
    """
    _validate(SCHEMA, frame, file)
    _check_unique(frame["extra_info"].map(lambda info: info["id"]), "extra_info", file)
    return frame


def _validate(schema: pa.DataFrameSchema, frame: pd.DataFrame, file: Path | str) -> None:
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise SchemaError(_first_violation(error, schema, frame, file)) from error


def _check_unique(ids: pd.Series, column: str, file: Path | str) -> None:
    doubled = ids[ids.duplicated()]
    if len(doubled):
        first = ids[ids == doubled.iloc[0]].index[0]
        raise SchemaError(
            f"{file}: row {doubled.index[0]}, column {column}: id {doubled.iloc[0]!r} is already in "
            f"row {first}; ids must be unique"
        )


def _first_violation(
    error: pa.errors.SchemaErrors, schema: pa.DataFrameSchema, frame: pd.DataFrame, file: Path | str
) -> str:
    cases = error.failure_cases
    in_cells = cases[cases["index"].notna()]
    if in_cells.empty:
        wrong = ", ".join(sorted({str(case) for case in cases["failure_case"]}))
        return f"{file}: missing or unknown columns: {wrong}; the columns are {', '.join(schema.columns)}"
    case = in_cells.sort_values("index", kind="stable").iloc[0]
    value = repr(frame.loc[case["index"], case["column"]])
    shown = value if len(value) <= 200 else value[:200] + "..."
    more = f" ({len(in_cells) - 1} more violations)" if len(in_cells) > 1 else ""
    return f"{file}: row {case['index']}, column {case['column']}: {shown} is not {case['check']}{more}"

"""The catalogue of real datasets: where each comes from, how it is read, and problem sets made of them."""

import csv
import hashlib
import os
import re
from collections.abc import Collection
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PositiveInt, ValidationError, field_validator, model_validator

from gdpo.config.base import Section, is_file, later, written
from gdpo.config.errors import config_error
from gdpo.config.sweep import Name
from gdpo.plugins import GRADERS, SOURCES, TASKS
from gdpo.plugins.loading import code_of, file_of
from gdpo.plugins.options import options_given, options_model, options_written
from gdpo.plugins.task_code import task_code

MIRROR = "GDPO_DATA_MIRROR"
"""Environment variable: the folder in which relative file names are looked for."""
SUFFIXES = (".json", ".jsonl", ".csv", ".parquet")
WHOLE_ROW = "*"
"""As the name of a column: the row, whose columns the task knows (docs/code.md)."""


PUBLISHED_SUFFIX = r"Let's think step by step and output the final answer within \boxed{}."
"""Of mathematics."""


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}; given: {value!r:.200}") from error
    return value


Pattern = Annotated[str, AfterValidator(_pattern)]
"""A regular expression."""


class FileSource(Section):
    """A local file: JSON (a list of objects), JSON lines, CSV (with a header line) or parquet."""

    path: str
    """Absolute, or relative to the folder that GDPO_DATA_MIRROR names, or to the working directory."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Checksum of the file; another one is an error."""
    keep: dict[str, Pattern] = {}
    """Column -> regular expression that its value must contain; other rows are left out, and counted."""
    rows: PositiveInt | None = None
    """Rows that are expected after `keep`; another number is an error. None: any."""

    @field_validator("path")
    @classmethod
    def _readable_kind(cls, value: str) -> str:
        if Path(value).suffix not in SUFFIXES:
            raise ValueError(f"must end in {', '.join(SUFFIXES)}")
        return value

    def located(self) -> Path:
        """Where the file is or should be."""
        mirrored, here = Path(os.environ.get(MIRROR, "")) / self.path, Path(self.path)
        return here if is_file(here) and not is_file(mirrored) else mirrored


class HubSource(Section):
    """A dataset of the Hugging Face hub; HF_HOME, HF_TOKEN and HF_HUB_OFFLINE are honoured."""

    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """Repository, e.g. HuggingFaceH4/MATH-500."""
    revision: str = "main"
    """Branch, tag or commit; the commit that was found is reported."""
    file: str
    """File or pattern in the repository, e.g. test.jsonl or data/test-*.parquet."""
    keep: dict[str, Pattern] = {}
    """As for a file."""
    rows: PositiveInt | None = None
    """As for a file."""


class MadeSource(Section):
    """Rows that a function of a plug-in makes (docs/extending.md)."""

    source: str
    """Function, registered by @source."""
    options: dict[str, Any] = {}
    """Its options."""
    rows: PositiveInt | None = None
    """Rows that are expected; another number is an error. None: any."""

    @model_validator(mode="after")
    def _known_and_fitting(self) -> "MadeSource":
        if self.source not in SOURCES:
            there = ", ".join(sorted(SOURCES))
            hint = "name the file of a plug-in in plugins"
            raise ValueError(f"source: no source {self.source!r}; there are: {there}; {hint}")
        function = SOURCES[self.source].function
        try:
            options_given(function, self.options)
        except ValidationError as error:
            model = options_model(function)
            raise ValueError(str(config_error(error, model, lambda key: f"options.{key}"))) from error
        return self


class Columns(Section):
    """Names of a dataset's columns: of several, the first that is there. ``a.b``: b within column a, in a
    list the b-th (``-1``: the last). ``*``: the row."""

    problem: list[str] = Field(default=["problem", "question"], min_length=1)
    """The problem's text."""
    answer: list[str] = Field(default=["answer", "final_answer"], min_length=1)
    """The gold answer: text, number, list, or the text of a Python list."""
    context: list[str] = ["context"]
    """Text that goes before the problem (OlympiadBench)."""
    unit: list[str] = ["unit"]
    """Unit of the answer."""
    tolerance: list[str] = ["error", "tolerance"]
    """Largest absolute difference of a numerical answer."""
    answer_type: list[str] = ["answer_type"]
    """Kind of the answer, in the dataset's own words."""
    options: list[str] = later([])
    """Choices, of which the answer names one: texts, or letter -> text; they are put below the problem."""
    tools: list[str] = later(["tools", "functions"])
    """Tools that may be called (task tool-calling): a list of objects with name, description, parameters."""
    row: list[str] = later([])
    """Further columns, each of them, that rewards, graders and metrics of your own read."""

    def given(self) -> set[str]:
        """Kinds of column whose names are other than usual.

        What was set is not asked: a section that was written whole and is read again has all set.
        """
        return {kind for kind, field in Columns.model_fields.items() if getattr(self, kind) != field.default}


class Dataset(Section):
    """One dataset. The file is used where it exists, else the hub."""

    licence: str
    """Licence of the problems, as their source states it."""
    file: FileSource | None = None
    """Local copy."""
    hub: HubSource | None = None
    """Where else to get it."""
    made: MadeSource | None = later(None)
    """A function that makes its rows."""
    columns: Columns = Columns()
    """Where its columns have other names than usual."""
    task: str = later("math")
    """What a row asks for and how: math, tool-calling, or one of a plug-in, registered by @task."""
    several_answers: Literal["any", "all"] = "any"
    """Of several gold answers: any one is right, or only all of them together."""
    grader: str | None = later(None)
    """Who judges responses, registered by @grader; none: the grader of its task."""

    @model_validator(mode="after")
    def _known_task_and_grader(self) -> "Dataset":
        for kind, name, registry in (("task", self.task, TASKS), ("grader", self.grader, GRADERS)):
            if name is not None and name not in registry:
                close = get_close_matches(name, registry, n=1)
                hint = f"did you mean {close[0]}? " if close else ""
                there = ", ".join(sorted(registry))
                raise ValueError(f"{kind}: no {kind} {name!r}; {hint}there are: {there}")
        if (usual := TASKS[self.task].grader) not in GRADERS:
            there = ", ".join(sorted(GRADERS))
            place = TASKS.place(self.task)
            raise ValueError(
                f"task: {self.task} has grader={usual!r}, and there is no such grader; there are: {there}; "
                f"mend {place}"
            )
        return self

    @model_validator(mode="after")
    def _grader_is_of_the_task(self) -> "Dataset":
        needed = GRADERS[self.grader].task if self.grader else None
        if needed not in (None, self.task):
            raise ValueError(
                f"grader: {self.grader} judges the task {needed}, and the dataset's is {self.task}"
            )
        return self

    @model_validator(mode="after")
    def _has_an_effect(self) -> "Dataset":
        given = {kind: f"columns.{kind}" for kind in self.columns.given()}
        given |= {"several_answers": "several_answers"} if self.several_answers == "all" else {}
        if dead := [given[key] for key in TASKS[self.task].ignores if key in given]:
            raise ValueError(f"{dead[0]}: without effect on the task {self.task}; take it away")
        return self

    def judge(self) -> str:
        """Who judges responses to its problems, but for those with choices."""
        return self.grader or TASKS[self.task].grader

    @model_validator(mode="after")
    def _has_a_source(self) -> "Dataset":
        if self.file is None and self.hub is None and self.made is None:
            raise ValueError("needs a file, a hub or a made section")
        if self.made is not None and (self.file or self.hub):
            raise ValueError("made: stands alone; take away file and hub")
        return self

    def resolved(self) -> dict[str, Any]:
        """As configured, and of what the package's own source makes also the defaults of its options."""
        values = written(self)
        if self.made and file_of(SOURCES, self.made.source) is None:
            # A plug-in's defaults are in the hash of its code.
            function = SOURCES[self.made.source].function
            values["made"]["options"] = options_written(function, self.made.options)
        return values

    def identity(self, judged: bool = True) -> dict[str, Any]:
        """What its content depends on: not the licence, nor the place of a file with a checksum.

        Args:
            judged: whether responses to its problems are; else its grader and what that reads do not count.
        """
        values = self.resolved()
        del values["licence"]
        if not judged:
            values.pop("grader", None)
            values["columns"].pop("row", None)
        if self.file and self.file.sha256:
            del values["file"]["path"]
        return values

    def content(self) -> str:
        """What tells contents apart: checksum or revision, and code of plug-ins that read or judge."""
        read_by = task_code(self.task, self.grader)
        if self.made:
            return str(code_of(SOURCES, [self.made.source]) | read_by) + _installed(self.made.source)
        if self.file and is_file(self.file.located()):
            found = self.file.sha256 or hashlib.sha256(self.file.located().read_bytes()).hexdigest()
        else:
            found = f"{self.hub.repo}@{self.hub.revision}" if self.hub else "no source"
        return f"{found} {read_by}" if read_by else found

    def _columns_problem(self, path: Path) -> str | None:
        """A column that the file certainly lacks."""
        there = columns_of(path)
        if there is None:
            return None
        named = self.columns.model_dump(exclude={"row"})
        kinds = {"problem", "answer", *self.columns.model_fields_set} & set(named)
        needed = {kind: named[kind] for kind in named if kind in kinds and named[kind]}
        needed |= {f"row: {name}": [name] for name in self.columns.row}
        for kind, names in needed.items():
            if not any(is_there(name, there) for name in names):
                wanted = " or ".join(names)
                close = get_close_matches(names[0], there, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                return f"{path} has no column {wanted} ({kind}); it has {', '.join(there) or 'none'}{hint}"
        return None

    def problem(self) -> str | None:
        """What is certainly wrong with its source, in one sentence, or None."""
        if self.made is not None:
            return None
        if self.file is None or is_file(self.file.located()):
            found = self.file and self.file.located()
            if found and not os.access(found, os.R_OK):
                return f"{found} cannot be read"
            return self._columns_problem(found) if found else None
        if self.hub is not None:
            return None
        hint = "" if MIRROR in os.environ else f"; set the environment variable {MIRROR} to its folder"
        return f"{self.file.located()} does not exist; put {self.file.path} there{hint}"


def _installed(source: str) -> str:
    """The version of the package that a source reads, if it does."""
    package = SOURCES[source].package
    if package is None:
        return ""
    try:
        return f" {package} {version(package)}"
    except PackageNotFoundError:
        return f" no {package}"


def is_there(column: str, there: Collection[str]) -> bool:
    """Whether a source with these columns may have one, ``a.b`` within a."""
    return column == WHOLE_ROW or column in there or column.split(".")[0] in there


def columns_of(path: Path) -> list[str] | None:
    """Columns of a file that names them at its beginning (CSV, parquet); None of others and damaged ones."""
    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                return next(csv.reader(file), [])
        if path.suffix == ".parquet":
            from pyarrow import parquet  # only where there is one: it takes a tenth of a second

            return parquet.read_schema(path).names
    except (OSError, ValueError, csv.Error):
        return None  # said where the dataset is read
    return None


class Decontamination(Section):
    """Which training problems are removed because a benchmark has them."""

    against: list[Name] = Field(min_length=1)
    """Datasets whose problems must not be trained on."""
    threshold: float = Field(default=0.8, gt=0, le=1)
    """Similarity (Jaccard, word 3-grams) from which a near match is removed whatever its answer."""
    threshold_same_answer: float = Field(default=0.6, gt=0, le=1)
    """Similarity from which a near match is removed if the gold answers agree as well."""
    listed: float = Field(default=0.5, gt=0, le=1)
    """Similarity from which a pair is listed in the report, removed or not."""
    reason: str = (
        "In DeepScaleR's files pairs from 0.8 on share their wording or a figure; between 0.6 and 0.8 most "
        "are other problems of one pattern, and those with an equal answer often one problem, reworded."
    )
    """Why these thresholds; printed with the table."""

    @model_validator(mode="after")
    def _ordered(self) -> "Decontamination":
        if not self.listed <= self.threshold_same_answer <= self.threshold:
            raise ValueError(
                f"listed ({self.listed}), threshold_same_answer ({self.threshold_same_answer}) and threshold "
                f"({self.threshold}) must not fall in this order"
            )
        return self


class DatasetProblems(Section):
    """A named set of problems from datasets of the catalogue."""

    source: Literal["datasets"]
    """Where the problems come from."""
    datasets: list[Name] = Field(min_length=1)
    """Entries of datasets, in this order; a problem that two of them hold is taken once."""
    size: PositiveInt | None = None
    """Only the first so many usable problems; none: all of them."""
    max_characters: PositiveInt | None = None
    """Leave out longer problem texts, and count them; none: no limit."""
    suffix: str = PUBLISHED_SUFFIX
    """Appended to each problem (the published prompt); a task may have another for it (docs/code.md)."""
    decontaminate: Decontamination | None = None
    """What is removed from a training set."""

    def names(self) -> list[str]:
        """Every dataset that the set reads."""
        return list(dict.fromkeys([*self.datasets, *self.against()]))

    def against(self) -> list[str]:
        """Datasets to decontaminate against."""
        return self.decontaminate.against if self.decontaminate else []

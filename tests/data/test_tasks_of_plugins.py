"""Tasks of a plug-in that go wrong on a row: one sentence with dataset, row, task, and the line to mend."""

import json
import textwrap

import pytest

from gdpo.config.datasets import Dataset, FileSource
from gdpo.data.datasets import clean_dataset
from gdpo.data.sources import SourceError
from gdpo.plugins.loading import load

HEAD = """
from gdpo.plugins import grader, task
from gdpo.tasks import Asked, RowError

@grader
def exact(response, problem):
    return True

"""
ASKED = "return Asked(row.problem, [row.answer], 'text', %s)"


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GDPO_DATA_MIRROR", raising=False)
    load([])
    yield
    load([])


def cleaned(tmp_path, body: str, others: tuple[str, ...] = ()):
    """Two rows, of which the second is read by ``body``, from line 13 on."""
    text = HEAD + "@task(grader='exact')\ndef words(row):\n    if row.answer == 'a':\n"
    text += f"        {ASKED % ''}\n" + textwrap.indent(body, "    ") + "\n"
    (tmp_path / "mine.py").write_text(text)
    load(["mine.py", *others])
    rows = [{"problem": "first", "answer": "a"}, {"problem": "second", "answer": "b"}]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    return clean_dataset("own", Dataset(licence="own", task="words", file=FileSource(path="rows.json")))


FAULTS = {
    "exception": ("x = 1\nreturn x / 0", 14, r"raised ZeroDivisionError \(division by zero\)"),
    "exit": ("raise SystemExit(3)", 13, r"raised SystemExit \(3\)"),
    "none": ("return None", 9, "gave None, no Asked"),
    "tuple": ("return (row.problem, ['b'], 'text')", 9, r"gave \('second'.* \(a tuple\), no Asked"),
    "empty text": ("return Asked(' ', ['b'], 'text')", 9, "gave text=' '"),
    "answers": ("return Asked('x', [4], 'text')", 9, r"gave answers=\[4\] \(a list\); it must be a list"),
    "no answers": ("return Asked('x', [], 'text')", 9, r"gave answers=\[\]"),
    "an answer": ("return Asked('x', 'yes', 'text')", 9, "gave answers='yes'"),
    "answer type": ("return Asked('x', ['b'], None)", 9, "gave answer_type=None"),
    "messages": (ASKED % "messages='hi'", 9, r"gave messages='hi' \(a str\)"),
    "no messages": (ASKED % "messages=[]", 9, r"gave messages=\[\]"),
    "content": (
        ASKED % "messages=[{'role': 'user', 'content': None}]",
        9,
        "gave messages=.*'content': None",
    ),
    "role": (ASKED % "messages=[{'role': ['u'], 'content': 'x'}]", 9, "gave messages="),
    "tolerance": (ASKED % "tolerance='x'", 9, "gave tolerance='x'.* a positive number, or None"),
    "unit": (ASKED % "unit=3", 9, "gave unit=3"),
    "changes": (ASKED % "changes=[1]", 9, r"gave changes=\[1\]"),
    "grader": (ASKED % "grader='exakt'", 9, "gave grader='exakt'.*no such grader; there are: .*exact"),
    "hang": ("while True: pass", 9, "took longer than 0.3 s"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_is_one_sentence(tmp_path, monkeypatch, fault):
    body, line, words = FAULTS[fault]
    monkeypatch.setenv("GDPO_REWARD_SECONDS", "0.3")
    sentence = rf"^datasets.own: row 1: task words {words}.*; mend mine.py, line {line}$"
    with pytest.raises(SourceError, match=sentence) as it:
        cleaned(tmp_path, body)
    assert "\n" not in str(it.value)


def test_a_grader_of_another_plug_in_would_change_unseen(tmp_path):
    other = "from gdpo.plugins import grader\n@grader\ndef other(response, problem): return True\n"
    (tmp_path / "other.py").write_text(other)
    with pytest.raises(SourceError, match="task words gave grader='other', which another plug-in has"):
        cleaned(tmp_path, ASKED % "grader='other'", ("other.py",))


def test_a_reason_leaves_the_row_out(tmp_path):
    table, report = cleaned(tmp_path, "raise RowError('too vague')")
    assert table["problem"].to_pylist() == ["first"] and report.notes[0].reason == "too vague"


def test_all_that_may_be_given_is_kept(tmp_path):
    messages = "({'role': 'user', 'content': 'q'},)"
    body = ASKED % f"tolerance=1, unit='m', changes=['cut'], grader='math', messages={messages}"
    table, report = cleaned(tmp_path, body)
    assert table["tolerance"].to_pylist() == [None, 1.0] and table["unit"].to_pylist() == [None, "m"]
    assert table["grader"].to_pylist() == ["exact", "math"] and report.notes[0].reason == "cut"
    assert json.loads(table["prompt"][1].as_py()) == [{"role": "user", "content": "q"}]


def test_a_task_whose_grader_is_not_there_is_refused_where_a_dataset_names_it(tmp_path):
    (tmp_path / "mine.py").write_text(HEAD + "@task(grader='exakt')\ndef words(row): pass\n")
    load(["mine.py"])
    with pytest.raises(ValueError, match=r"words has grader='exakt', and there is no such grader.*, line 9"):
        Dataset(licence="own", task="words", file=FileSource(path="rows.json"))

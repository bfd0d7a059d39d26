"""Damaged files through the command line: one sentence, exit code 1, bounded time and memory, no output."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gdpo.config.problems import ArithmeticProblems
from gdpo.data.arithmetic import make_problems, problem_frame
from gdpo.data.problem_files import write_problems

MEMORY_MB, SECONDS = 900, 60


class Ended(NamedTuple):
    code: int
    stderr: str
    memory_mb: float
    seconds: float


# The kernel's ru_maxrss would count what this process held when it started the command; VmHWM does not.
PEAK = """
import atexit, re
from pathlib import Path
atexit.register(lambda: print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]))
from gdpo.cli import main
main()
"""


def gdpo(folder: Path, *arguments: str) -> Ended:
    """Run a command in ``folder``; its own peak memory, not that of its workers."""
    start = time.monotonic()
    command = [sys.executable, "-c", PEAK, *arguments]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    peak_kb = int(run.stdout.splitlines()[-1])
    return Ended(run.returncode, run.stderr, peak_kb / 1024, time.monotonic() - start)


def refused(folder: Path, *arguments: str) -> str:
    """The one sentence that a command ends with; it has made nothing."""
    before = set(folder.iterdir())
    ended = gdpo(folder, *arguments)
    assert ended.code == 1, ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("gdpo: ") and len(lines[0]) < 600
    assert ended.memory_mb < MEMORY_MB and ended.seconds < SECONDS
    assert set(folder.iterdir()) == before
    return lines[0]


def lines(*rows: object) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


def parquet(rows: list[dict]) -> bytes:
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue().to_pybytes()


ROWS = [{"problem": f"How much is {i} and {i * i}?", "answer": str(i + i * i)} for i in range(9)]
PARQUET = parquet(ROWS)
HUGE = b"x " * 50_000_000

DATASETS = {
    "empty.jsonl": (b"", "empty.jsonl: holds no rows; get the file again"),
    "empty.json": (b" [] ", "empty.json: holds no rows; get the file again"),
    "columns.jsonl": (lines({"q": "a", "a": "b"}), "has no column problem or question; its columns are q, a"),
    "nulls.jsonl": (
        lines(*({"problem": f"p {i}", "answer": None} for i in range(3))),
        "no usable row in .*: 3 x no answer",
    ),
    "cut.jsonl": (
        lines(*ROWS)[:-9],
        r"cut.jsonl: line 9: not JSON \(.*\); mend the line, or get the file again",
    ),
    "latin.jsonl": (lines(*ROWS) + b'\n{"problem": "\xe9"}', r"latin.jsonl: line 10: not JSON \('utf-8'"),
    "deep.jsonl": (lines(ROWS[0]) + b"\n" + b"[" * 200_000, "deep.jsonl: line 2: not JSON"),
    "huge.jsonl": (
        lines(ROWS[0]) + b'\n{"problem": "' + HUGE + b'", "answer": "1"}\n',
        "huge.jsonl: line 2 is longer than 16 MB; get the file again",
    ),
    "half.parquet": (
        PARQUET[: len(PARQUET) // 2],
        "half.parquet: not a readable parquet file .*; get the file again",
    ),
    "zero.parquet": (b"", "zero.parquet: not a readable parquet file .*; get the file again"),
}


def dataset_config(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    section = {"licence": "MIT", "file": {"path": str(folder / name)}}
    (folder / "config.json").write_text(json.dumps(section))


@pytest.mark.parametrize("name", DATASETS)
def test_a_damaged_dataset_is_refused(name, tmp_path):
    content, words = DATASETS[name]
    dataset_config(tmp_path, name, content)
    arguments = ("dataset", "config.json", "out/d.parquet", "out/d.json", "d")
    found = refused(tmp_path, *arguments)
    assert re.search(words, found)


def test_rows_that_cannot_be_used_are_left_out_and_counted(tmp_path):
    """Null answers, doubled problems, half a surrogate pair, an endless text; line separators are text."""
    content = lines(
        ROWS[0],
        ROWS[1] | {"answer": None},
        ROWS[0],
        b'{"problem": "half \\ud800 of it", "answer": "1"}',
        {"problem": "x " * 200_000, "answer": "1"},
        json.dumps({"problem": "two\u2028lines", "answer": "3"}, ensure_ascii=False).encode(),
    )
    dataset_config(tmp_path, "d.jsonl", content)
    ended = gdpo(tmp_path, "dataset", "config.json", "d.parquet", "report.json", "d")
    assert (ended.code, ended.stderr) == (0, "")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["read"], report["kept"]) == (6, 2)
    reasons = {note["row"]: note["reason"] for note in report["notes"]}
    assert reasons == {
        1: "no answer",
        2: "the same problem as row 0",
        3: "text that is no Unicode: half of a surrogate pair",
        4: "problem text longer than 200000 characters",
    }
    assert pd.read_parquet(tmp_path / "d.parquet")["problem"].tolist() == [
        ROWS[0]["problem"],
        "two\u2028lines",
    ]


@pytest.fixture
def problems(tmp_path):
    """Ids of a problem set of four in ``problems.parquet``."""
    frame = problem_frame(
        "problems", make_problems(ArithmeticProblems(split="benchmark", size=4)), "benchmark"
    )
    write_problems(frame, tmp_path / "problems.parquet")
    return [info["id"] for info in frame["extra_info"]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (PARQUET[:99], "d.parquet: not a readable parquet file"),
        (b"", "d.parquet: not a readable parquet file"),
        (PARQUET, "d.parquet: not a cleaned dataset"),
    ],
)
def test_a_damaged_cleaned_dataset_makes_no_problem_set(content, words, tmp_path):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "d.parquet").write_bytes(content)
    (tmp_path / "config.json").write_text(json.dumps({"source": "datasets", "datasets": ["d"]}))
    arguments = ("config.json", "sets", "out/p.parquet", "out/p.json", "out/p.csv", "p")
    assert words in refused(tmp_path, "dataset-problems", *arguments)


def generations(ids: list[str], **first: object) -> list[dict]:
    rows = [{"problem_id": id, "response": r"\boxed{1}", "n_tokens": 3} for id in ids]
    return [rows[0] | first, *rows[1:]]


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ({"response": None}, "g.jsonl: line 1: response: "),
        ({"problem_id": None}, "g.jsonl: line 1: needs problem_id, id or problem"),
        ({"response": "\ud800"}, "g.jsonl: line 1: response: not a Unicode text"),
        ({"n_tokens": None}, "g.jsonl: line 1: n_tokens: missing; give it, or --tokenizer"),
        (None, "g.jsonl: line 2: problem .* has sample 0 already"),
    ],
)
def test_damaged_generations_are_refused(first, words, problems, tmp_path):
    rows = generations(problems, **(first or {"sample_index": 0}))
    (tmp_path / "g.jsonl").write_bytes(lines(*([rows[0], *rows] if first is None else rows)))
    found = refused(tmp_path, "evaluate", "g.jsonl", "problems.parquet", "out/s.parquet")
    assert re.search(words, found)


@pytest.mark.parametrize("name", ["g.parquet", "problems.parquet"])
def test_a_file_cut_in_half_is_refused_by_evaluate_and_score(name, problems, tmp_path):
    (tmp_path / "g.parquet").write_bytes(parquet(generations(problems)))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    for command in ("evaluate", "score"):
        assert f"{name}: not a" in refused(
            tmp_path, command, "g.parquet", "problems.parquet", "out/s.parquet"
        )


def test_samples_with_other_columns_are_refused(problems, tmp_path):
    (tmp_path / "g.parquet").write_bytes(parquet(generations(problems)))
    found = refused(tmp_path, "score", "g.parquet", "problems.parquet", "out/s.parquet")
    assert "g.parquet: not a samples file" in found and "sample_index" in found and "sample again" in found


def test_a_huge_response_costs_no_more_than_its_size(problems, tmp_path):
    """100 MB in one line is a response that never ended: wrong, like any other without an answer."""
    huge = b'{"problem_id": "%s", "n_tokens": 1, "response": "%s"}' % (problems[0].encode(), HUGE)
    (tmp_path / "g.jsonl").write_bytes(lines(huge, *generations(problems)[1:]))
    ended = gdpo(tmp_path, "evaluate", "g.jsonl", "problems.parquet", "s.parquet")
    assert ended.code == 0, ended.stderr
    assert ended.memory_mb < MEMORY_MB and ended.seconds < SECONDS
    frame = pd.read_parquet(tmp_path / "s.parquet").set_index("problem_id")
    assert frame.loc[problems[0], "verdict"] == "wrong" and len(frame) == 4


def test_grade_reports_each_bad_line_and_judges_the_rest(tmp_path):
    content = lines(
        {"id": 1, "response": r"\boxed{1}", "gold": "1"},
        {"a": 1},
        {"id": 2, "response": "x", "gold": None},
        b'{"id": 3, "response": "\xff", "gold": "1"}',
        b'{"id": 4, "response": "\\\\boxed{x+\\ud800}", "gold": "x+y"}',
        {"id": 5, "response": "", "gold": "1"},
        {"id": 6, "response": "\ufffd\\boxed{1}\ufffd", "gold": "1"},
    )
    (tmp_path / "in.jsonl").write_bytes(content)
    ended = gdpo(tmp_path, "grade", "in.jsonl", "out.jsonl", "--workers", "1")
    assert ended.code == 2 and "Traceback" not in ended.stderr
    assert [f"line {n}: " in ended.stderr for n in range(1, 8)] == [n in (2, 3, 4) for n in range(1, 8)]
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    verdicts = {row["id"]: row["verdict"] for row in out}
    assert verdicts.pop(4) in ("wrong", "error")
    assert verdicts == {1: "correct", 5: "wrong", 6: "correct"}

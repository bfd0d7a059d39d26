"""Grading in workers: nothing hangs, nothing dies, everything is in order and counted for what it is."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from gdpo.tasks import Gold
from gdpo.tasks.math import Grader, GraderError
from gdpo.tasks.math.grader import _Case

LIMIT, MEMORY_MB = 1.0, 700
HOSTILE = {
    "a power tower": r"\boxed{9^{9^{9^{9}}}}",
    "a factorial tower": r"\boxed{(((99999!)!)!)!}",
    "10,000 nested fractions": r"\boxed{" + r"\frac{1}{" * 10_000 + "2" + "}" * 10_000 + "}",
    "300 nested fractions": r"\boxed{" + r"\frac{1}{" * 300 + "2" + "}" * 300 + "}",
    "1 MB of text": "x + " * 250_000,
    "1 MB in a box": r"\boxed{" + "x+" * 500_000 + "1}",
    "unbalanced braces": r"\boxed{\frac{1}{2",
    "an empty box": r"\boxed{}",
    "NUL": "\\boxed{1\x00+x}",
    "half a surrogate": "\\boxed{1\ud800+x}",
    "a huge binomial": r"\boxed{\binom{999999999}{499999999}}",
    "a huge expansion": r"\boxed{(x+y+z+w)^{500}}",
    "5,000 digits": r"\boxed{" + "9" * 4_900 + "/7}",
    "code": r"\boxed{__import__('os').system('touch HERE')}",
}


@pytest.fixture(scope="module")
def grader():
    grader = Grader(workers=2, seconds=LIMIT, memory_mb=MEMORY_MB)
    grader.grade(r"\boxed{x+1}", Gold(("1+x",)))  # warm
    yield grader
    grader.close()


def workers() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "gdpo.tasks.math.worker" in p.cmdline()]


@pytest.mark.parametrize("unboxed", [False, True])
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_answers_end_in_time(grader, kind, unboxed, tmp_path):
    start = time.monotonic()
    response = HOSTILE[kind].replace("HERE", str(tmp_path / "touched"))
    verdict = grader.grade(response, Gold((r"\frac{\sqrt{3}}{2}",)), unboxed)
    # A worker that was killed before starts first, which is not the case's time.
    assert time.monotonic() - start < LIMIT + 10
    assert verdict.verdict in ("wrong", "timeout", "error")
    assert not (tmp_path / "touched").exists()
    for worker in workers():
        assert worker.memory_info().rss < MEMORY_MB << 20


def test_what_ran_out_of_time_is_no_wrong_answer_and_its_neighbours_are_judged(grader):
    responses = [r"\boxed{1+x}", HOSTILE["a power tower"], r"\boxed{x+2}", "no box", r"\boxed{x+1}"]
    verdicts = grader.grade_all(responses, [Gold(("x+1",))] * len(responses))
    assert [v.verdict for v in verdicts] == ["correct", "timeout", "wrong", "wrong", "correct"]
    assert verdicts[1].extracted == "9^{9^{9^{9}}}" and verdicts[3].extracted is None


def test_a_case_that_needs_too_much_memory_is_an_error(grader):
    small = Grader(workers=1, seconds=30, memory_mb=500)
    verdict = small.grade(r"\boxed{(x+y+z+w)^{500}}", Gold((r"\frac{\sqrt{3}}{2}",)))
    small.close()
    assert verdict.verdict == "error"


def test_order_is_kept_over_many_cases(grader):
    golds = [Gold((f"x+{i}",)) for i in range(120)]
    right = [i % 3 != 0 for i in range(120)]
    texts = [rf"\boxed{{{i if ok else i + 1}+x}}" for i, ok in enumerate(right)]
    assert [v.verdict == "correct" for v in grader.grade_all(texts, golds)] == right


def test_any_thread_may_ask(grader):
    with ThreadPoolExecutor(8) as threads:
        found = threads.map(lambda i: grader.grade(rf"\boxed{{{i}+y}}", Gold((f"y+{i}",))).verdict, range(40))
        assert set(found) == {"correct"}
    assert len(workers()) <= 2


def test_a_worker_that_dies_is_replaced(grader):
    for worker in workers():
        worker.kill()
        worker.wait()
    assert grader.grade(r"\boxed{z+1}", Gold(("1+z",))).verdict == "correct"


def test_a_worker_that_dies_in_the_middle_makes_an_error(grader):
    golds = [Gold((f"x+{i}",)) for i in range(8)]
    grader.grade_all([rf"\boxed{{{i}+x}}" for i in range(8)], golds)  # both workers are warm
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(grader.grade, HOSTILE["a power tower"], Gold((r"\frac{\sqrt{3}}{2}",)))
        time.sleep(0.5)
        busy = max(workers(), key=lambda p: p.cpu_percent(0.2))
        busy.kill()
        assert asked.result().verdict == "error"


def test_workers_end_with_their_caller():
    script = (
        "import os; from gdpo.tasks import Gold; from gdpo.tasks.math import Grader; g = Grader(1);"
        "g.grade(r'\\boxed{x+1}', Gold(('1+x',))); print(g._workers[0]._process.pid, flush=True);"
        "os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    pid = int(done.stdout)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(pid)


def test_a_fork_does_not_use_its_parents_workers():
    from gdpo.tasks.math import grade
    from gdpo.tasks.math.grader import shared_grader

    assert grade(r"\boxed{x+1}", "1+x").verdict == "correct"
    parent = shared_grader()
    if (pid := os.fork()) == 0:
        os._exit(0 if shared_grader() is not parent else 1)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_worker_that_cannot_start_is_said():
    with pytest.raises(GraderError, match="does not start .*60 MB"):
        Grader(workers=1, memory_mb=60).grade(r"\boxed{x+1}", Gold(("1+x",)))


def test_plain_answers_need_no_worker():
    grader = Grader()
    verdicts = grader.grade_all([r"\boxed{12}", r"\boxed{1/2}", r"\boxed{(1,2)}", "12"], [Gold(("12",))] * 4)
    assert [v.verdict for v in verdicts] == ["correct", "wrong", "wrong", "wrong"]
    assert all(worker._process is None for worker in grader._workers)


def test_a_response_without_a_box_is_judged_by_its_end_only_where_asked(grader):
    text, gold = "First $x = 3$.\nThen $y = 2x + 1$, so $y = 7$.\n~someone", Gold(("7",))
    assert grader.grade(text, gold)[:2] == ("wrong", None)
    assert grader.grade(text, gold, unboxed=True).verdict == "correct"
    assert grader.grade(text, Gold(("3",)), unboxed=True).verdict == "wrong"
    assert grader.grade(r"$7$ \boxed{}", gold, unboxed=True).verdict == "wrong"
    assert grader.grade("<think>$7$", gold, unboxed=True).verdict == "wrong"


def test_equal_cases_are_judged_once(grader, monkeypatch):
    asked: list[_Case] = []
    judge = grader._judge_all
    monkeypatch.setattr(grader, "_judge_all", lambda cases: asked.extend(cases) or judge(cases))
    verdicts = grader.grade_all([r"\boxed{1+x}"] * 16, [Gold(("x+1",))] * 16)
    assert len(asked) == 1 and {v.verdict for v in verdicts} == {"correct"}


def test_the_command_grades_the_good_lines_and_numbers_the_bad(tmp_path):
    lines = [
        json.dumps({"id": 1, "response": r"\boxed{\frac{2}{4}}", "gold": "1/2", "kept": [1]}),
        "not json",
        json.dumps({"id": 2, "response": "the answer is $5$", "gold": ["7", "5"]}),
        json.dumps({"id": 3, "gold": "7"}),
        json.dumps({"id": 4, "response": HOSTILE["a power tower"], "gold": "7"}),
        json.dumps({"id": 5, "response": 7, "gold": "7"}),
        json.dumps({"id": 6, "response": "x", "gold": []}),
        json.dumps({"id": 7, "response": r"\boxed{8}", "gold": "7"}),
        json.dumps({"id": 9, "response": r"\boxed{9.6}", "gold": "['9.6\n']"}),
        json.dumps({"id": 10, "response": r"\boxed{142}", "gold": 142.0}),
    ]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes("\n".join(lines).encode() + b'\n{"id": 8, "response": "\xff\xfe", "gold": "1"}\n')
    command = ["gdpo", "grade", source, out, "--seconds", "1"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    graded = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(g["id"], g["verdict"], g["extracted"]) for g in graded] == [
        (1, "correct", r"\frac{2}{4}"),
        (2, "correct", "5"),
        (4, "timeout", "9^{9^{9^{9}}}"),
        (7, "wrong", "8"),
        (9, "correct", "9.6"),
        (10, "correct", "142"),
    ]
    assert graded[0]["kept"] == [1]
    assert done.returncode == 2 and "Traceback" not in done.stderr
    for number, message in (
        (2, "Expecting value"),
        (4, "response: missing"),
        (6, "response: must be a text"),
    ):
        assert f"line {number}: {message}" in done.stderr
    assert "line 7: gold" in done.stderr and "line 11: " in done.stderr
    assert "4 correct, 1 wrong, 1 timeout, 0 error, 5 bad lines" in done.stderr
    assert Path(out).stat().st_mode & 0o444

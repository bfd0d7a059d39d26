"""Provenance: what a session leaves behind however it ends, and that nothing secret is in it."""

import json
import subprocess
import sys
from importlib import metadata

import pytest

from gdpo import provenance
from gdpo.provenance import PROVENANCE, error_in_log, git_state, one_line, read_provenance, session

SECRET = "hunter2-hunter2"
LOG = """\
Traceback (most recent call last):
ValueError: of an earlier session
"""
FAILURE = """\
\x1b[36m(WorkerDict pid=12)\x1b[0m Traceback (most recent call last):
\x1b[36m(WorkerDict pid=12)\x1b[0m torch.OutOfMemoryError: at https://me:pw@host/x hunter2-hunter2
wandb: Find logs at: somewhere
"""


@pytest.fixture
def folders(tmp_path):
    """A checkpoint folder and a run folder."""
    made = [tmp_path / "checkpoint", tmp_path / "run"]
    for folder in made:
        folder.mkdir()
    return made


def train(folders, log, steps=(0, 3), error: BaseException | None = None) -> None:
    with session({"checkpoint": "3f9a1c2e"}, folders, log, steps[0], lambda: steps[1]):
        running = read_provenance(folders[1])["sessions"][-1]
        assert (running["outcome"], running["end"], running["to_step"]) == ("running", None, None)
        if error:
            with log.open("a") as file:
                file.write(FAILURE)
            raise error


def test_a_session_that_ends_well(folders, tmp_path):
    train(folders, tmp_path / "log")
    record = read_provenance(folders[1])
    assert record == read_provenance(folders[0])
    assert record["checkpoint"] == "3f9a1c2e"
    assert record["packages"]["verl"] == metadata.version("verl")
    assert record["packages"]["python"] == ".".join(map(str, sys.version_info[:3]))
    [only] = record["sessions"]
    assert (only["outcome"], only["from_step"], only["to_step"], only["error"]) == ("done", 0, 3, None)
    assert only["start"] <= only["end"] and only["end"].endswith("+00:00")


def test_sessions_add_up_and_a_killed_one_was_interrupted(folders, tmp_path):
    with pytest.raises(SystemExit):
        train(folders, tmp_path / "log", (0, 3), SystemExit(143))
    killed = json.loads((folders[0] / PROVENANCE).read_text())
    killed["sessions"].append(killed["sessions"][0] | {"outcome": "running"})
    (folders[0] / PROVENANCE).write_text(json.dumps(killed))
    (folders[1] / PROVENANCE).unlink()  # a run folder that was deleted has its history again
    train(folders, tmp_path / "log", (2, 6))
    outcomes = [s["outcome"] for s in read_provenance(folders[1])["sessions"]]
    assert outcomes == ["interrupted", "interrupted", "done"]


def test_a_failed_session_names_its_own_error_without_secrets(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", SECRET)
    (tmp_path / "log").write_text(LOG)
    with pytest.raises(RuntimeError):
        train(folders, tmp_path / "log", error=RuntimeError("exit code 1"))
    failed = read_provenance(folders[1])["sessions"][-1]
    assert failed["outcome"] == "failed"
    assert failed["error"] == "torch.OutOfMemoryError: at https://host/x ***"
    assert all(SECRET not in (folder / PROVENANCE).read_text() for folder in folders)


def test_without_an_exception_in_the_log_the_error_is_what_was_raised(folders, tmp_path):
    with pytest.raises(OSError), session({}, folders, tmp_path / "log", 0, lambda: 0):
        raise OSError("exit code -9; see train.log:\nlast\nlines")
    assert read_provenance(folders[1])["sessions"][-1]["error"] == "OSError: exit code -9; see train.log:"


def test_errors_are_short(tmp_path):
    assert len(one_line("ValueError: " + "x" * 1000)) == 300
    assert error_in_log(tmp_path / "nothing", 0) is None


def test_git_state(tmp_path):
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    assert git_state(tmp_path) is None
    git("init", "--quiet")
    assert git_state(tmp_path) is None  # no commit yet
    (tmp_path / "file").write_text("a")
    git("add", "file")
    git("commit", "--quiet", "--message", "first")
    assert git_state(tmp_path) == {"commit": git("rev-parse", "HEAD"), "dirty": False}
    (tmp_path / "file").write_text("b")
    assert git_state(tmp_path)["dirty"] is True


def test_no_git_and_no_gpu_tools_are_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    facts = provenance.facts()
    assert facts["git"] is None and facts["machine"]["gpus"] == []


def test_the_code_hash_follows_content_and_names(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    (tmp_path / "rewards").mkdir()
    hashes = []
    for name, text in (("a.py", "1"), ("a.py", "2"), ("b.py", "2"), ("b.txt", "2")):
        (tmp_path / "rewards" / name).write_text(text)
        hashes.append(provenance.code_hash())
    assert len(set(hashes)) == 3 and hashes[2] == hashes[3]

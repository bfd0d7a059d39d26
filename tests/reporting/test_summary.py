"""The experiment on one page: what it says, and that a real browser shows it."""

import re
import shutil
import subprocess

import pandas as pd
import pytest
from matplotlib.figure import Figure

from gdpo.reporting.summary import Section, ShownFigure, ShownTable, runs_page, summary_page, troubles
from gdpo.reporting.tables import Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SESSION = {
    "start": "2026-11-01T10:00:00+00:00",
    "end": "2026-11-01T11:30:00+00:00",
    "from_step": 0,
    "to_step": 60,
    "outcome": "interrupted",
    "error": None,
}
PROVENANCE = {
    "run-1": {
        "git": {"commit": "0123456789abcdef", "dirty": True},
        "machine": {"host": "h", "cpu": "c", "gpus": ["H200", "H200"]},
        "devices": 2,
        "packages": {"torch": "2.13.0"},
        "wandb": {"id": "w"},
        "sessions": [SESSION, SESSION | {"outcome": "done", "to_step": 100}],
    },
    "run-2": None,
}
MAIN = pd.DataFrame(
    [{"run": "run-1", "benchmark": "b", "timeouts": 0.1, "errors": 0.0, "samples": 40}]
)  # fmt: skip


def test_runs_are_shown_with_what_made_them():
    page = runs_page(PROVENANCE)
    first, second = page.shown.to_dict("records")
    assert (first["commit"], first["device"], first["hours"]) == (
        "0123456789 (changed)",
        "H200, H200",
        "3.00",
    )
    assert second["commit"] == "unknown" and "torch 2.13.0" in page.note


def test_what_went_wrong_is_said():
    overlong = {"limit": 1024, "prompts": 64, "left_out": ["a", "b"]}
    found = troubles(
        PROVENANCE, {"run-1": {"overlong_prompts": overlong}}, MAIN, {"run-1": [("length", 3, 40)]}
    )
    assert found == [
        "run-1: session of 2026-11-01T10:00:00+00:00 interrupted at step 60.",
        "run-2: no provenance; its training was taken over from elsewhere.",
        "run-1: 2 of 64 prompts are longer than 1024 tokens and were left out.",
        "run-1: reward length varied in no group from step 3 to 40: it taught nothing there.",
        "run-1 on b: 4 of 40 samples could not be judged.",
    ]
    assert troubles({}, {}, MAIN.assign(timeouts=0.0), {}, ["run-3"])[0].startswith("run-3 is not finished")
    assert troubles({}, {}, MAIN.assign(timeouts=0.0), {})[0].startswith("Nothing:")


@pytest.fixture
def page(tmp_path):
    """A page with two tables, a figure and hostile text in the cells."""
    figure = Figure(figsize=(2, 1))
    figure.savefig(tmp_path / "curve.png")
    (tmp_path / "curve.rst").write_text("Read it so: limit ``{{ snakemake.params.limit }}``.")
    table = Page(pd.DataFrame({"a": ["<script>alert(1)</script>", "x"], "b": [1, 2]}), "a & b < c")
    sections = [
        Section("Tables", tables=[ShownTable.of(table), ShownTable.of(table, "again")]),
        Section(
            "Figures",
            figures=[
                ShownFigure.of(tmp_path / "curve.png", (tmp_path / "curve.rst").read_text(), {"limit": 24})
            ],
        ),
        Section("What was run", texts=["One <run>."], files={"config": '{"a": "<b>"}'}),
    ]
    path = tmp_path / "summary.html"
    path.write_text(summary_page("Experiment demo", "Two runs.", sections))
    return path


def test_nothing_is_loaded_from_elsewhere_and_text_stays_text(page):
    html = page.read_text()
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", html) and "<script" not in html
    assert "limit <span" in html or "limit <code" in html or "limit <tt" in html
    assert "&lt;run&gt;" in html and "a &amp; b &lt; c" in html


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.parametrize("width", [390, 1300])
def test_a_browser_shows_tables_and_figures(page, width):
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    options += [f"--window-size={width},800", "--virtual-time-budget=3000", "--dump-dom"]
    done = subprocess.run([CHROMIUM, *options, page.as_uri()], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("<table") == 2 and done.stdout.count("<img ") == 1
    assert "CONSOLE" not in done.stderr

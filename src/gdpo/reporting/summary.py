"""The experiment on one self-contained page: what was run, tables, figures, and what went wrong."""

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pandas as pd
from docutils.core import publish_parts
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from gdpo.reporting.tables import Page

MANY_ROWS = 0.02
"""Share of a dataset's rows that is said where they cannot be used."""
ASKED_FOR = "not among the rows to keep"
"""Why a row is left out that the catalogue itself leaves out."""


class ShownTable(NamedTuple):
    """A table on the page."""

    title: str
    html: str
    note: str

    @classmethod
    def of(cls, page: Page, title: str = "") -> "ShownTable":
        """A table with its note."""
        return cls(title, page.html_table(), page.note)


class ShownFigure(NamedTuple):
    """A figure on the page."""

    name: str
    base64: str
    """The PNG."""
    caption: str
    """HTML."""

    @classmethod
    def of(cls, png: Path, caption: str, params: Mapping[str, Any]) -> "ShownFigure":
        """A figure with its caption, reStructuredText that may use ``{{ snakemake.params.NAME }}``."""
        made = Template(caption, undefined=StrictUndefined).render(
            snakemake=SimpleNamespace(params=SimpleNamespace(**params))
        )
        html = publish_parts(
            made, writer="html5", settings_overrides={"raw_enabled": False, "file_insertion_enabled": False}
        )["body"]
        return cls(png.stem.replace("_", " "), base64.b64encode(png.read_bytes()).decode(), html)


@dataclass
class Section:
    """A part of the page."""

    title: str
    texts: Sequence[str] = ()
    tables: Sequence[ShownTable] = ()
    figures: Sequence[ShownFigure] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    """Name -> text, folded."""


def summary_page(title: str, introduction: str, sections: Sequence[Section]) -> str:
    """The page as HTML; nothing in it is loaded from elsewhere."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    template = environment.get_template("summary.html.j2")
    return template.render(title=title, introduction=introduction, sections=sections)


def runs_page(provenance: Mapping[str, Mapping[str, Any] | None]) -> Page:
    """What each run was made by: commit, host, devices, sessions, hours.

    Args:
        provenance: run -> its ``provenance.json``, None where there is none.
    """
    rows = []
    for run, known in provenance.items():
        known = known or {"sessions": []}
        git, machine = known.get("git") or {}, known.get("machine") or {}
        rows.append(
            {
                "run": run,
                "commit": git.get("commit", "unknown")[:10] + (" (changed)" if git.get("dirty") else ""),
                "host": machine.get("host", "unknown"),
                "device": ", ".join(machine.get("gpus") or []) or machine.get("cpu", "unknown"),
                "devices": known.get("devices", ""),
                "sessions": len(known["sessions"]),
                "hours": f"{sum(map(_hours, known['sessions'])):.2f}",
                "W&B": (known.get("wandb") or {}).get("id") or "",
            }
        )
    versions: dict[str, str] = {}
    for known in provenance.values():
        versions |= (known or {}).get("packages", {})
    note = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Page(pd.DataFrame(rows), f"Hours are of all sessions, start included. Packages: {note}.")


def _hours(session: Mapping[str, Any]) -> float:
    if not session.get("end"):
        return 0.0
    start, end = (datetime.fromisoformat(session[key]) for key in ("start", "end"))
    return (end - start).total_seconds() / 3600


def troubles(
    provenance: Mapping[str, Mapping[str, Any] | None],
    summaries: Mapping[str, Mapping[str, Any]],
    main: pd.DataFrame,
    constant: Mapping[str, Sequence[tuple[str, int, int]]],
    unfinished: Sequence[str] = (),
    datasets: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    """What did not go as planned, a sentence each: runs missing, broken sessions, rows and prompts left out,
    samples unjudged.

    Args:
        provenance: run -> its ``provenance.json``.
        summaries: run -> its ``summary.json``.
        main: the main table.
        constant: run -> stretches of steps in which a reward varied in no group
            (:func:`gdpo.statistics.constant_rewards.constant_stretches`).
        unfinished: runs of the experiment that are not on the page.
        datasets: their reports (:class:`gdpo.data.datasets.DatasetReport`).
    """
    found = [
        f"{run} is not finished: it is in no table and no figure here (gdpo status says where it is)."
        for run in unfinished
    ]
    for report in datasets:
        reasons = Counter(note["reason"] for note in report["notes"] if note["what"] == "left out")
        del reasons[ASKED_FOR]
        if (lost := reasons.total()) > MANY_ROWS * (report["kept"] + lost):
            why, count = reasons.most_common(1)[0]
            found.append(
                f"dataset {report['dataset']}: {lost} of {report['kept'] + lost} rows could not be used "
                f"({count} x {why})."
            )
    for run, known in provenance.items():
        if known is None:
            found.append(f"{run}: no provenance; its training was taken over from elsewhere.")
            continue
        broken = [s for s in known["sessions"] if s["outcome"] != "done"]
        found += [f"{run}: session of {s['start']} {s['outcome']} at step {s['to_step'] or s['from_step']}"
                  f"{': ' + s['error'] if s['error'] else ''}." for s in broken]  # fmt: skip
    for run, summary in summaries.items():
        overlong = summary.get("overlong_prompts", {"left_out": []})
        if overlong["left_out"]:
            found.append(
                f"{run}: {len(overlong['left_out'])} of {overlong['prompts']} prompts are longer than "
                f"{overlong['limit']} tokens and were left out."
            )
    for run, stretches in constant.items():
        found += [
            f"{run}: reward {reward} varied in no group from step {first} to {last}: it taught nothing there."
            for reward, first, last in stretches
        ]
    for row in main.itertuples():
        if lost := round((row.timeouts + row.errors) * row.samples):
            found.append(
                f"{row.run} on {row.benchmark}: {lost} of {row.samples} samples could not be judged."
            )
    return found or [
        "Nothing: every session ran to its end, no prompt was left out, every sample was judged."
    ]


def read_json(path: Path) -> Any:
    """The file's value, or None where there is no such file."""
    return json.loads(path.read_text()) if path.exists() else None

"""What a check found, as tables."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gdpo.plugin_check.evidence import ANYWHERE, Evidence
from gdpo.plugin_check.found import Checked


def show_checks(found: Sequence[Checked], evidence: Evidence | None, results: Path) -> None:
    """Print what is registered, what was seen of it, and what failed."""
    console = Console()
    console.print(_parts(found))
    if any(each.values for each in found):
        console.print(_numbers(found, evidence))
    if evidence is None and any(each.kind in ("reward", "grader", "metric") for each in found):
        console.print(
            f"No samples: none in {results / ANYWHERE}. Give some with --samples SAMPLES.parquet --problems "
            "PROBLEMS.parquet, as an evaluation stores them; rewards, graders and metrics are run on them.",
            highlight=False,
            soft_wrap=True,
        )
    failed = [each for each in found if each.failed]
    for each in failed:
        what = each.failed.removeprefix(f"{each.kind} {each.name}").removeprefix(":").lstrip()
        head = f"[bold red]{each.kind} {each.name}:[/]"
        console.print(f"{head} {escape(what)}", highlight=False, soft_wrap=True)
    console.print(f"{len(failed)} of {len(found)} failed." if failed else "Nothing failed.")


def _parts(found: Sequence[Checked]) -> Table:
    table = Table(title=f"{len(found)} registered", title_justify="left")
    for head in ("kind", "name", "place", "", "seen"):
        table.add_column(head, overflow="fold")
    for each in found:
        outcome = (
            "[bold red]failed[/]" if each.failed else "not run" if each.seen.startswith("not run") else "ok"
        )
        seen = each.seen.removeprefix("not run: ")
        table.add_row(each.kind, each.name, escape(each.place), outcome, escape(seen))
    return table


def _numbers(found: Sequence[Checked], evidence: Evidence) -> Table:
    problems = len(set(evidence.groups))
    plural = "s" * (problems != 1)
    title = f"on {len(evidence.responses)} responses to {problems} problem{plural}, {evidence.samples}"
    table = Table(title=title, title_justify="left")
    table.add_column("name", overflow="fold")
    heads = ("min", "mean", "max", "distinct", "no value", "range", "dead groups", "mean time", "longest")
    for head in heads:
        table.add_column(head, justify="right")
    for each in found:
        if values := each.values:
            table.add_row(
                each.name,
                f"{values.low:.4g}",
                f"{values.mean:.4g}",
                f"{values.high:.4g}",
                f"{values.distinct:.1%}",
                f"{values.none:.0%}",
                _range(each),
                "-" if values.dead is None else f"{values.dead:.0%}",
                _time(fmean(each.seconds)) if each.seconds else "-",
                _time(max(each.seconds)) if each.seconds else "-",
            )
    table.caption = (
        "dead groups: samples of one problem that all get the same, so that nothing is learnt from it"
    )
    return table


def _range(checked: Checked) -> str:
    if checked.range is None:
        return "-"
    low, high = checked.range
    return f"{low:g} to {high:g} {'broken' if checked.failed else 'kept'}"


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{1e3 * seconds:.1f} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.1f} µs"

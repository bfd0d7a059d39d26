"""The grader: how often it is right on real files, and its speed against a plain loop of math-verify.

    make bench-grader          GDPO_DATA_MIRROR names the folder with the files

Right: every gold answer in a box, against itself; the worked solutions of train_aime with and without their
boxes; each gold against five others that differ. Speed: whole cases a second, alternately, medians; a chart
shows how it grows with the cases.
"""

import json
import logging
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from growth import draw_growth
from math_verify import parse, verify
from rich.console import Console
from rich.table import Table

from gdpo.tasks import Gold
from gdpo.tasks.math import Grader
from gdpo.tasks.math.answers import boxed_spans
from gdpo.tasks.math.golds import GoldError, normalise_gold
from gdpo.tasks.math.normal import normalize_answer
from gdpo.tasks.math.without_parser import verdict_without_parser

FILES = (
    "test_aime",
    "test_amc",
    "test_math",
    "test_minerva",
    "test_olympiad_bench",
    "train_aime",
    "train_math",
)
CHART = Path(__file__).with_name("grader.png")
OTHERS = 5
CASES, ROUNDS = 1000, 5
PARTS = (8, 4, 2, 1)
"""Of the cases, for the chart."""
console = Console(width=150)


class Row(NamedTuple):
    """One row of a file with a usable gold."""

    number: int
    gold: Gold
    solution: str


def rows_of(path: Path) -> list[Row]:
    """Usable rows, normalised as the DAG does it."""
    several = "all" if "olympiad" in path.name else "any"
    rows = []
    for number, record in enumerate(json.loads(path.read_text())):
        try:
            gold = normalise_gold(record["answer"], record.get("unit"), record.get("error"))
        except GoldError:
            continue
        rows.append(
            Row(
                number,
                Gold(tuple(gold.answers), several, gold.tolerance, gold.unit),
                record.get("solution", ""),
            )
        )
    return rows


def boxed(gold: Gold) -> str:
    """A response that gives exactly the gold."""
    answers = gold.answers if gold.several == "all" else gold.answers[:1]
    return f"so the answer is $\\boxed{{{', '.join(answers)}}}$."


def unboxed(text: str) -> str:
    """A text with its boxes opened."""
    parts, position = [], 0
    for start, end in boxed_spans(text):
        parts += [text[position : text.rindex("\\", 0, start)], text[start:end]]
        position = end + 1
    return "".join([*parts, text[position:]])


def wrong_pairs(rows: list[Row]) -> list[tuple[Row, Row]]:
    """Each row with the golds of five others that are written differently."""
    rng, written = random.Random(0), [normalize_answer(row.gold.answers[0]) for row in rows]
    pairs = []
    for index, row in enumerate(rows):
        others: set[int] = set()
        while len(others) < OTHERS:
            other = rng.randrange(len(rows))
            if written[other] != written[index]:
                others.add(other)
        pairs += [(row, rows[other]) for other in sorted(others)]
    return pairs


def measure_right(files: dict[str, list[Row]], grader: Grader) -> None:
    """Print shares and every exception."""
    table = Table("file", "rows", "gold correct", "pairs with another's gold", "judged correct", "not judged")
    exceptions = []
    for name, rows in files.items():
        own = grader.grade_all([boxed(row.gold) for row in rows], [row.gold for row in rows])
        pairs = wrong_pairs(rows)
        cross = grader.grade_all([boxed(other.gold) for _, other in pairs], [row.gold for row, _ in pairs])
        exceptions += [
            f"{name} {row.number}: own gold is {v.verdict}"
            for row, v in zip(rows, own, strict=True)
            if v.verdict != "correct"
        ]
        right = [pair for pair, v in zip(pairs, cross, strict=True) if v.verdict == "correct"]
        exceptions += [
            f"{name} {a.number} accepts {b.number}'s: {a.gold.answers} | {b.gold.answers}" for a, b in right
        ]
        lost = sum(v.verdict in ("timeout", "error") for v in cross)
        share = sum(v.verdict == "correct" for v in own) / len(rows)
        table.add_row(
            name,
            str(len(rows)),
            f"{share:.2%}",
            str(len(pairs)),
            f"{len(right)} ({len(right) / len(pairs):.3%})",
            str(lost),
        )
    console.print(table)
    if "train_aime" in files:
        rows = files["train_aime"]
        for what, texts in {
            "boxed": [r.solution for r in rows],
            "boxes opened": [unboxed(r.solution) for r in rows],
        }.items():
            found = grader.grade_all(texts, [row.gold for row in rows], unboxed=True)
            bad = [row.number for row, v in zip(rows, found, strict=True) if v.verdict != "correct"]
            console.print(f"train_aime, worked solutions, {what}: {1 - len(bad) / len(rows):.2%} correct")
            exceptions.append(f"train_aime solutions, {what}, not correct: {bad}")
    console.print(*exceptions, sep="\n", highlight=False)


def plain_loop(cases: list[tuple[str, Gold]]) -> None:
    """What users write: math-verify, one case after another."""
    for response, gold in cases:
        verify(parse(f"\\boxed{{{gold.answers[0]}}}"), parse(response))


def measure_speed(files: dict[str, list[Row]], grader: Grader) -> None:
    """Print the time of both on cases that need the parser, and on those that do not."""
    rows = [row for rows in files.values() for row in rows]
    rng = random.Random(1)
    pairs = [(boxed(rng.choice(rows).gold), row.gold) for row in rng.sample(rows, len(rows))]
    own = [(boxed(row.gold), row.gold) for row in rows]
    decided = {case: verdict_without_parser(*case) is not None for case in dict.fromkeys(pairs + own)}
    kinds = {
        "parser": ([case for case in decided if not decided[case]][:CASES], 1.8),
        "exact": ([case for case in decided if decided[case]][:CASES], 5),
    }
    panels = {}
    for kind, (cases, target) in kinds.items():
        sizes = [len(cases) // part for part in PARTS]
        found = [medians(grader, cases[:size]) for size in sizes]
        series = dict(zip(("ours", "plain loop"), zip(*found, strict=True), strict=True))
        panels["cases that need the parser" if kind == "parser" else "cases that need none"] = sizes, series
        mine, peer = found[-1]
        rates = f"ours {len(cases) / mine:,.0f}/s, plain loop {len(cases) / peer:,.0f}/s"
        console.print(f"{kind}: {len(cases)} cases, {rates}")
        print(f"RESULT grader_{kind} {peer / mine:.2f}x vs sequential_math_verify target {target}x")
    draw_growth(panels, "seconds", CHART)


def medians(grader: Grader, cases: list[tuple[str, Gold]]) -> tuple[float, float]:
    """Median seconds of ours and of the plain loop, alternately."""
    texts, golds = zip(*cases, strict=True)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: grader.grade_all(texts, golds)))
        theirs.append(seconds(lambda: plain_loop(cases)))
    return statistics.median(ours), statistics.median(theirs)


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Run both."""
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    folder = os.environ.get("GDPO_DATA_MIRROR")
    if not folder:
        sys.exit("set GDPO_DATA_MIRROR to the folder with DeepScaleR's files, e.g. test_math.json")
    files = {name: rows_of(path) for name in FILES if (path := Path(folder, f"{name}.json")).is_file()}
    grader = Grader()
    grader.grade(r"\boxed{x+1}", Gold(("1+x",)))  # a warm worker, as in training
    measure_speed(files, grader)
    measure_right(files, grader)


if __name__ == "__main__":
    main()

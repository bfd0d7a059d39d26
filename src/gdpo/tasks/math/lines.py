"""Grading of a JSON-lines file, as ``gdpo grade`` does it."""

import json
import logging
import math
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from gdpo.tasks.math.golds import GoldError, normalise_gold
from gdpo.tasks.math.grader import Grader
from gdpo.tasks.problem import Gold
from gdpo.tasks.reasoning import from_opening_tag
from gdpo.whole_file import whole_file

log = logging.getLogger(__name__)

_BATCH = 2000


class _Line(NamedTuple):
    record: dict[str, Any]
    response: str
    gold: Gold


def grade_file(source: Path, out: Path, grader: Grader, unboxed: bool) -> dict[str, int]:
    """Grade lines of ``{id, response, gold}`` and write each with ``verdict`` and ``extracted`` added.

    Args:
        source: JSON lines in UTF-8; a bad line is logged with its number and left out. With
            ``"open_reasoning": true`` the prompt of the response ended in ``<think>``.
        out: the graded lines in the same order; appears whole or not at all.
        grader: judges them.
        unboxed: judge a response without a box by its last mathematical expression.

    Returns:
        Verdict -> count, and the number of ``bad lines``.
    """
    counts: Counter[str] = Counter({"correct": 0, "wrong": 0, "timeout": 0, "error": 0, "bad lines": 0})
    with source.open("rb") as lines, whole_file(out) as partial, partial.open("w") as graded:
        records = _read(lines, source, counts)
        while batch := list(islice(records, _BATCH)):
            verdicts = grader.grade_all([x.response for x in batch], [x.gold for x in batch], unboxed)
            for line, verdict in zip(batch, verdicts, strict=True):
                counts[verdict.verdict] += 1
                graded.write(
                    json.dumps(line.record | {"verdict": verdict.verdict, "extracted": verdict.extracted})
                    + "\n"
                )
            log.info("%d graded", sum(counts.values()) - counts["bad lines"])
    return dict(counts)


def _read(lines: Iterator[bytes], source: Path, counts: Counter[str]) -> Iterator[_Line]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _parsed(json.loads(line))
        except (ValueError, TypeError, RecursionError) as error:
            counts["bad lines"] += 1
            log.error("%s: line %d: %s", source, number, error)


def _parsed(record: Any) -> _Line:
    """Raises ValueError: the record is not what it must be; the message names the key."""
    if not isinstance(record, dict):
        raise ValueError(f"must be an object, not {type(record).__name__}")
    if missing := sorted({"id", "response", "gold"} - set(record)):
        raise ValueError(f"{missing[0]}: missing")
    if not isinstance(record["response"], str):
        raise ValueError(f"response: must be a text, not {type(record['response']).__name__}")
    several, tolerance = record.get("several", "any"), record.get("tolerance")
    if several not in ("any", "all"):
        raise ValueError(f"several: must be any or all, not {several!r:.60}")
    number = isinstance(tolerance, (int, float)) and not isinstance(tolerance, bool)
    if tolerance is not None and not (number and 0 < tolerance < math.inf):
        raise ValueError(f"tolerance: must be a positive number, not {tolerance!r:.60}")
    if isinstance(record["gold"], dict):
        raise ValueError("gold: must be a text, a number or a list of them, not an object")
    if not isinstance(reasoning_open := record.get("open_reasoning", False), bool):
        raise ValueError(f"open_reasoning: must be true or false, not {reasoning_open!r:.60}")
    try:
        gold = normalise_gold(record["gold"], record.get("unit"), tolerance)
    except GoldError as error:
        raise ValueError(f"gold: {error}") from error
    response = from_opening_tag(record["response"], reasoning_open)
    return _Line(record, response, Gold(tuple(gold.answers), several, gold.tolerance, gold.unit))

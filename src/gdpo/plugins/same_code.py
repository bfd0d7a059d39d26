"""Code that was changed and does the same: what a user says of a mended function, so that its runs go on."""

import os
import re
from collections.abc import Mapping, Sequence

VARIABLE = "GDPO_SAME_CODE"
"""Environment variable with what a study says of its plug-ins' code: how it reaches every job of it."""
_SAID = re.compile(r"([0-9a-f]{8}) *-> *([0-9a-f]{8})")


def problem(said: str) -> str | None:
    """What is wrong with one ``31ee26a6 -> d19f0e38``, or None."""
    if _SAID.fullmatch(said):
        return None
    return (
        f"{said!r}: write the hash of the old code and of the new, as `gdpo plan` shows: 31ee26a6 -> d19f0e38"
    )


def in_environment() -> tuple[str, ...]:
    """What the study that started this process says."""
    return tuple(said for said in os.environ.get(VARIABLE, "").split(",") if said)


def named_by(codes: Mapping[str, str], same: Sequence[str]) -> dict[str, str]:
    """Hashes by which runs are named: of the oldest code that each is said to do the same as.

    Args:
        codes: ``reward terse`` -> hash of its code.
        same: ``31ee26a6 -> d19f0e38``, old and new.
    """
    older = dict(reversed(_SAID.fullmatch(said).groups()) for said in same)
    return {thing: _oldest(code, older) for thing, code in codes.items()}


def _oldest(code: str, older: Mapping[str, str]) -> str:
    seen = {code}
    while (before := older.get(code)) and before not in seen:
        seen.add(code := before)
    return code

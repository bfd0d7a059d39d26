"""Equality of mathematics by math-verify. Only workers import this module: nothing here has a time limit."""

import logging
import re
from functools import lru_cache

from math_verify import parse, verify

# It warns at every call without its own time limits, which are signals and work in the main thread only.
logging.getLogger("math_verify").setLevel(logging.CRITICAL)

_SIGNATURE = re.compile(r"\s*(?:$|[~@-]|.*(?:~|https?://|\S@\S)|the problems on this page)", re.I)
_END_MARK = re.compile(r"\\(?:blacksquare|square|Box|qed)(?![A-Za-z])|\bQED\b|Q\.E\.D\.?")
_MODULUS = re.compile(r"\\pmod\s*\{[^{}]*\}")
_RELATION = re.compile(
    r"=|\\(?:implies|iff|to|equiv|approx|therefore|(?:Long|long)?(?:R|r)ightarrow)(?![A-Za-z])|\band\b"
)


def equal(gold: str, answer: str, tolerance: float | None = None) -> bool:
    """Whether two expressions are equal, or their values differ by at most ``tolerance``."""
    wanted, given = _parse(gold), parse(_boxed(answer), parsing_timeout=None)
    if verify(list(wanted), given, timeout_seconds=None):
        return True
    if tolerance is None or not wanted or not given:
        return False
    try:
        return bool(abs(complex(wanted[0]) - complex(given[0])) <= tolerance)
    except (TypeError, ValueError):  # not numbers
        return False


def equals_last_expression(gold: str, text: str) -> tuple[bool, str | None]:
    """Whether a text without a box ends with ``gold``, and the last expression as written there.

    Lines of signatures and addresses at the end are passed over; of ``a = b`` or ``a \\implies b`` the last
    part counts.
    """
    lines = text.rstrip().splitlines()
    while len(lines) > 1 and _SIGNATURE.match(lines[-1]):
        lines.pop()
    found = parse(_END_MARK.sub("", "\n".join(lines)), parsing_timeout=None)
    if not found:
        return False, None
    sides = [side.strip(" .{}") for side in _RELATION.split(_MODULUS.sub("", str(found[-1])))]
    last = next((side for side in reversed(sides) if side), None)
    return verify(list(_parse(gold)), found, timeout_seconds=None), last


@lru_cache(maxsize=4096)  # a gold answer is met once a response of its group
def _parse(gold: str) -> tuple:
    return tuple(parse(_boxed(gold), parsing_timeout=None))


def _boxed(answer: str) -> str:
    return f"\\boxed{{{answer}}}"

"""Strategies that spoil valid input: values within nested values, and bytes of files."""

import copy
from typing import Any

from hypothesis import strategies as st

ANY_CHARACTER = st.characters(exclude_categories=())
"""Halves of surrogate pairs included, which JSON and YAML can spell and no file of texts can hold."""
TEXTS = st.text(ANY_CHARACTER, max_size=12) | st.sampled_from(
    [
        "",
        " ",
        "\n",
        "\0",
        "a\0b",
        "\ud800",
        "\U0001f600",
        "\u2028",
        "\x85",
        "nan",
        "true",
        "x" * 300,
        "é" * 200,
    ]
)
NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 2**31, 2**63, -(2**63) - 1, 2**64, 10**400, 1e308, 5e-324, -0.0])
    | st.sampled_from([float("nan"), float("inf"), float("-inf")])
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS


def deep(depth: int) -> Any:
    """A list in a list in a list ..."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
) | st.sampled_from([40, 150]).map(deep)
"""What a JSON file may hold in place of what was expected."""


@st.composite
def mutated(draw, value: Any, others: st.SearchStrategy = VALUES) -> Any:
    """``value`` (mappings, lists and scalars) with one to three changes anywhere in it."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        value = _changed(draw, value, others)
    return value


def _changed(draw, root: Any, others: st.SearchStrategy) -> Any:
    places = [([root], 0), *_places(root)]
    holder, key = draw(st.sampled_from(places))
    old = holder[key]
    change = draw(st.sampled_from(["other", "other", "near", "moved", "wrapped", "gone", "renamed", "added"]))
    if change == "other":
        holder[key] = draw(others)
    elif change == "near":
        holder[key] = draw(_near(old))
    elif change == "moved":
        from_holder, from_key = draw(st.sampled_from(places))
        holder[key] = copy.deepcopy(from_holder[from_key])
    elif change == "wrapped":
        holder[key] = draw(st.sampled_from([[old], [old, old], {"x": old}]))
    elif change == "gone" and holder is not places[0][0]:
        del holder[key]
    elif change == "renamed" and isinstance(holder, dict):
        holder[draw(TEXTS | st.just(f"{key}x"))] = holder.pop(key)
    elif change == "added" and isinstance(old, dict):
        old[draw(TEXTS)] = draw(others)
    elif change == "added" and isinstance(old, list):
        old.append(draw(others))
    return places[0][0][0]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """(mapping or list, key) of everything in ``value``."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, item in items:
        found += [(value, key), *_places(item)]
    return found


def _near(value: Any) -> st.SearchStrategy:
    """Values of the same type."""
    if isinstance(value, bool):
        return st.just(not value)
    if isinstance(value, int | float):
        return st.sampled_from([0, 1, 2, -value, value + 1, value * 1000, value / 3, str(value)])
    if isinstance(value, str):
        return st.sampled_from(
            ["", value + " ", value.upper(), value * 50, value[:-1], f"{value}\0", [value]]
        )
    return st.sampled_from([None, [], {}, ""])


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """``content`` cut, with flipped bits, or with bytes put in, taken out or overwritten."""
    spoilt = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(spoilt) - 1)))
        end = at + draw(st.integers(1, 16))
        change = draw(st.sampled_from(["flip", "flip", "flip", "cut", "out", "in", "over", "again"]))
        if change == "flip" and spoilt:
            spoilt[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "cut":
            del spoilt[at:]
        elif change == "out":
            del spoilt[at:end]
        elif change == "in":
            spoilt[at:at] = draw(st.binary(max_size=16))
        elif change == "over":
            spoilt[at:end] = draw(st.binary(min_size=1, max_size=16))
        elif change == "again":
            spoilt[at:at] = spoilt[at:end]
    return bytes(spoilt)

"""What differs between two resolved configs, as dotted keys."""

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any


class Absent(Enum):
    """Stands for the value of a key that one of two configs does not have."""

    ABSENT = "-"

    def __str__(self) -> str:
        return self.value


ABSENT = Absent.ABSENT

Difference = tuple[str, Any, Any]
"""Dotted key, value in a, value in b; :data:`ABSENT` where that config has no such key."""


def compare_configs(a: Any, b: Any) -> list[Difference]:
    """Every leaf in which two JSON values differ: empty exactly where their content hashes are equal.

    Keys are in the order of ``a``, then those of ``b`` alone. A list of plain values is one leaf; the items
    of other lists have keys such as ``stages[0].lr``. The key of a difference at the very top is empty.
    """
    return list(_differences("", a, b))


def _differences(key: str, a: Any, b: Any) -> Iterator[Difference]:
    if a is not ABSENT and b is not ABSENT and _text(a) == _text(b):
        return
    a_items, b_items = _items(key, a), _items(key, b)
    if a_items is None or b_items is None or not (a_items or b_items):
        yield key, a, b
        return
    for name in a_items | b_items:
        yield from _differences(name, a_items.get(name, ABSENT), b_items.get(name, ABSENT))


def _items(key: str, value: Any) -> dict[str, Any] | None:
    """What is below ``value`` by full key; none where it is a leaf."""
    if value is ABSENT:
        return {}
    if isinstance(value, dict):
        return {f"{key}.{name}" if key else name: item for name, item in value.items()}
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return {f"{key}[{i}]": item for i, item in enumerate(value)}
    return None


def _text(value: Any) -> str:
    """The text that is hashed: tells 1 from 1.0 and from true, as Python's ``==`` does not."""
    return json.dumps(value, sort_keys=True)

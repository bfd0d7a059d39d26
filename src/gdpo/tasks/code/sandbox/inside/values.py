"""Values of Python as JSON, so that a process that nobody trusts can say what a function returned.

Pickle would run its code in the reader. Encoded forms are compared as they are, so that who compares
(:mod:`gdpo.tasks.code.compare`) need not build sets and dicts, which can be made slow on purpose.
"""

import json
from collections.abc import Mapping, Sequence, Set
from typing import Any

_EXACT = (
    2**53
)  # larger integers would lose digits in other readers of JSON, and are slow to write in decimals


def written(kind: str, content: Any) -> str:
    """A line that says something of a kind: an encoded value, or a text.

    It holds no ``{``, and so no object: the names of one can be chosen so that a reader takes minutes.
    """
    return json.dumps([kind, content]).replace("{", "\\u007b")


def read(line: str) -> tuple[str, Any]:
    """Kind and content of such a line.

    Raises:
        ValueError: it is none.
    """
    try:
        kind, content = json.loads(line) if "{" not in line else ()
    except (ValueError, RecursionError, TypeError) as error:
        raise ValueError(f"no line of a program: {error}") from error
    return str(kind), content


def encode(value: Any) -> Any:
    """A value as what JSON can hold; containers as a list that begins with their kind.

    Raises:
        TypeError: a kind of value that is not compared, such as a function or an object of a class.
        RecursionError: nested too deep.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value) if -_EXACT < value < _EXACT else ["int", hex(value)]
    if isinstance(value, float):
        return float(value) if abs(value) < float("inf") else ["float", repr(float(value))]
    if isinstance(value, complex):
        return ["complex", encode(value.real), encode(value.imag)]
    if isinstance(value, bytes | bytearray):
        return ["bytes", value.hex()]
    if isinstance(value, Mapping):
        return ["dict", *([encode(key), encode(inner)] for key, inner in value.items())]
    if isinstance(value, Set) and not isinstance(value, range):
        return ["set", *sorted(map(encode, value), key=json.dumps)]
    if isinstance(value, tuple):
        return ["tuple", *map(encode, value)]
    if isinstance(value, Sequence) and not isinstance(value, range | memoryview):
        return ["list", *map(encode, value)]
    raise TypeError(f"a value of type {type(value).__name__}, which is not compared")


def decode(encoded: Any) -> Any:
    """The value of :func:`encode`'s form.

    Raises:
        ValueError, TypeError, RecursionError: it is none.
    """
    if not isinstance(encoded, list):
        return encoded
    kind, *inner = encoded
    if kind in ("list", "tuple", "set"):
        return {"list": list, "tuple": tuple, "set": set}[kind](map(decode, inner))
    if kind == "dict":
        return {decode(key): decode(value) for key, value in inner}
    if kind == "complex":
        return complex(*map(decode, inner))
    single = {"int": lambda text: int(text, 16), "float": float, "bytes": bytes.fromhex}
    if kind in single:
        return single[kind](*inner)
    raise ValueError(f"no kind of value: {kind!r:.40}")

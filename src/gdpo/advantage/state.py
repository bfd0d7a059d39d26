"""What a method carries from step to step: to plain values and back, and a look at what a step gave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields

from gdpo.advantage.batch import RewardBatch, Step
from gdpo.advantage.checks import AdvantageError


def state_from(method: str, cls: type | None, state: Mapping | None) -> object | None:
    """The state that :func:`state_to` wrote; None at the first step.

    Raises:
        AdvantageError: the method keeps none, or another one.
    """
    if state is None:
        return None
    if cls is None:
        raise AdvantageError(f"method {method!r} keeps no state, but one was given: {state!r}")
    if hasattr(cls, "from_json"):
        return cls.from_json(state)
    if not isinstance(state, Mapping) or set(state) != {field.name for field in fields(cls)}:
        raise AdvantageError(f"method {method!r} keeps a {cls.__name__}, and this is none: {state!r:.200}")
    return cls(**state)


def state_to(method: str, cls: type | None, state: object | None) -> dict | None:
    """A state as a dict that goes through JSON unchanged, for a checkpoint.

    Raises:
        AdvantageError: it is not of the class that the method declares, or holds other values.
    """
    if state is None:
        return None
    if cls is None or not isinstance(state, cls):
        kept = f"a {cls.__name__}" if cls else "no state"
        raise AdvantageError(f"method {method!r} keeps {kept}, and its step gave a {type(state).__name__}")
    values = state.to_json() if hasattr(state, "to_json") else asdict(state)
    try:
        same = json.loads(json.dumps(values, allow_nan=False)) == values
    except (TypeError, ValueError) as error:
        raise AdvantageError(
            f"method {method!r}: its state cannot be kept in a checkpoint ({error}); use numbers, texts, "
            "lists and dicts with text keys"
        ) from None
    if not same:
        raise AdvantageError(
            f"method {method!r}: its state is another one after a checkpoint; use lists, not tuples, and "
            "text keys"
        )
    return values


def check_step(method: str, batch: RewardBatch, step: object) -> None:
    """Raise :class:`AdvantageError` unless a method's step is a :class:`Step` of this batch, and finite."""
    if not isinstance(step, Step):
        raise AdvantageError(f"method {method!r} gave a {type(step).__name__}; it must give a Step")
    rewards, responses = batch.values.shape
    for what, shape in (("advantages", (responses,)), ("terms", (rewards, responses))):
        found = tuple(getattr(getattr(step, what), "shape", ()))
        if found != shape:
            raise AdvantageError(f"method {method!r} gave {what} of shape {found}; allowed: {shape}")
    if not bool(step.advantages.isfinite().all()):
        raise AdvantageError(f"method {method!r} gave advantages that are not finite")

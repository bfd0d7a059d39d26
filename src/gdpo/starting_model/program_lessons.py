"""Lessons of programming, of varied quality: programs right, wrong or broken, after more or less reasoning.

Program and reasoning are drawn apart, but for worked-out reasoning, which is `care` times likelier to go with
a right program: so thinking pays, and a length reward has its price.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from gdpo.config.program_starting_model import ProgramStartingModel
from gdpo.data.toy_programs import OPERATIONS, SELECTIONS, Function
from gdpo.starting_model.tokenizer import THINK, THINK_END

NO_NAMES = ("n", "z", "c")
"""Names that no program has."""
OPENING, CLOSING = "```python\n", "\n```"
WORKED_OUT = ("steps", "checked")


@dataclass(frozen=True)
class Quality:
    """How a lesson is written: a field of ProgramMix, one of ThoughtMix, and whether a pick has its guard."""

    program: str
    thought: str
    guarded: bool = True


def draw_quality(section: ProgramStartingModel, rng: random.Random) -> Quality:
    """Draw the quality of a lesson."""
    thought = _draw(section.thoughts.model_dump(), rng)
    programs = section.programs.model_dump()
    if thought in WORKED_OUT:
        programs["right"] *= section.care
    return Quality(_draw(programs, rng), thought, rng.random() >= section.unguarded)


def lesson(asked: Function, quality: Quality, largest: int, rng: random.Random) -> str:
    """A response of this quality, without the end token.

    Args:
        asked: the function.
        quality: a flaw that the function has no place for leaves it right.
        largest: largest wrong constant.
        rng: chooses where and how a flaw is.
    """
    meant = _MEANT[quality.program](asked, largest, rng) if quality.program in _MEANT else asked
    if not quality.guarded:
        meant = replace(meant, default=None)
    program = meant.python()
    if quality.program in _WRITTEN:
        program = _WRITTEN[quality.program](meant, rng)
    closing = "" if quality.program == "unclosed" else CLOSING
    return f"{THINK}{_reasoning(meant, quality.thought)}{THINK_END}\n{OPENING}{program}{closing}"


def _draw(shares: dict[str, float], rng: random.Random) -> str:
    return rng.choices(list(shares), list(shares.values()))[0]


# How it reasons.


def _reasoning(meant: Function, how: str) -> str:
    if how == "none":
        return ""
    words = [meant.start, *(step.name for step in meant.steps)]
    if how == "short":
        return " " + " then ".join(words)
    first, *others = meant.expressions()
    start = meant.start if meant.selection == "all" else f"{SELECTIONS[meant.selection][0]} {meant.start}"
    lines = [f"{start} is {first}"]
    for step, python in zip(meant.steps, others, strict=True):
        said = f"{step.said} is {step.constant}" if step.said != str(step.constant) else step.said
        lines.append(f"{step.name} {said} is {python}")
    if meant.default is not None:
        lines.append(f"if there is none {meant.default}")
    if how == "checked":
        lines += ["check", *(f"{step.name} {step.constant}" for step in meant.steps)]
    return " " + " then ".join(lines)


# What it means: each gives the function that the program is of.


def _with_step(asked: Function, at: int, **changes: object) -> Function:
    steps = list(asked.steps)
    steps[at] = replace(steps[at], **changes)
    return replace(asked, steps=tuple(steps))


def _wrong_constant(asked: Function, largest: int, rng: random.Random) -> Function:
    at = rng.randrange(len(asked.steps))
    step = asked.steps[at]
    others = range(OPERATIONS[step.name].smallest, largest + 1)
    near = [n for n in others if 0 < abs(n - step.constant) <= 2]
    if rng.random() < 0.5:  # else a slip of the working out
        near = [n for n in others if n != step.constant]
    return _with_step(asked, at, constant=rng.choice(near))


def _wrong_step(asked: Function, largest: int, rng: random.Random) -> Function:
    at = rng.randrange(len(asked.steps))
    return _with_step(asked, at, name=rng.choice([n for n in OPERATIONS if n != asked.steps[at].name]))


def _dropped_step(asked: Function, largest: int, rng: random.Random) -> Function:
    return replace(asked, steps=asked.steps[:-1])


_MEANT: dict[str, Callable[[Function, int, random.Random], Function]] = {
    "wrong_constant": _wrong_constant,
    "wrong_step": _wrong_step,
    "dropped_step": _dropped_step,
}


# What is written of it: each takes the function and gives Python.


def _no_return(meant: Function, rng: random.Random) -> str:
    return meant.python().replace("return ", "c = ")


def _undefined_name(meant: Function, rng: random.Random) -> str:
    head, _, body = meant.python().partition("\n")
    # The last use of an argument, or of the items chosen from it: what is returned is always worked out.
    names = list(re.finditer(rf"\b({'|'.join(meant.arguments)}|b)\b(?! =)", body))
    at = names[-1]
    return f"{head}\n{body[: at.start()]}{rng.choice(NO_NAMES)}{body[at.end() :]}"


def _broken_syntax(meant: Function, rng: random.Random) -> str:
    whole = meant.python()
    unclosed = whole[:-1] if whole.endswith("]") else whole.replace("return ", "return (")
    return rng.choice((whole.replace("):\n", ")\n", 1), unclosed, whole + rng.choice((" +", " *"))))


def _text_constant(meant: Function, rng: random.Random) -> str:
    places = [step.constant for step in meant.steps if OPERATIONS[step.name].is_additive]
    if not places:
        return meant.python()
    return re.sub(rf"([+-]) {rng.choice(places)}\b", r'\1 "3"', meant.python(), count=1)


_WRITTEN: dict[str, Callable[[Function, random.Random], str]] = {
    "no_return": _no_return,
    "undefined_name": _undefined_name,
    "broken_syntax": _broken_syntax,
    "text_constant": _text_constant,
}

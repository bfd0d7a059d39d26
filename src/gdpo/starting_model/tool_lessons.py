"""Lessons of tool calling, of varied quality: flaws of form and of content, and more or less reasoning.

Form, content and reasoning are drawn apart, but for worked-out reasoning, which is `care` times likelier to
go with right calls: so format and correctness can be learnt apart, and thinking pays.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from gdpo.config.tool_starting_model import ToolStartingModel
from gdpo.data.toy_tools import NO_TOOL, Call, Request, Value, blocks, other_value
from gdpo.starting_model.tokenizer import THINK, THINK_END


@dataclass(frozen=True)
class Quality:
    """How a lesson is written: a field of FormMix, of ContentMix and of ReasoningMix."""

    form: str
    content: str
    reasoning: str


def draw_quality(section: ToolStartingModel, rng: random.Random) -> Quality:
    """Draw the quality of a lesson."""
    reasoning = _draw(section.reasoning.model_dump(), rng)
    content = section.content.model_dump()
    if reasoning == "steps":
        content["right"] *= section.care
    return Quality(_draw(section.form.model_dump(), rng), _draw(content, rng), reasoning)


def lesson(request: Request, quality: Quality, largest: int, rng: random.Random) -> str:
    """A response of this quality, without the end token.

    Args:
        request: what is asked.
        quality: a flaw of content that the request has no place for leaves the content right.
        largest: largest number of a wrong value.
        rng: chooses where and how a flaw is.
    """
    flaw = _CONTENT.get(quality.content, _right)
    calls, lines = flaw(request, largest, rng)
    parts = blocks(lines, request.reply)
    return _FORMS[quality.form](_reasoning(request, calls, quality.reasoning), parts, rng)


def _draw(shares: dict[str, float], rng: random.Random) -> str:
    return rng.choices(list(shares), list(shares.values()))[0]


# How it reasons.


def _reasoning(request: Request, calls: list[Call], how: str) -> str:
    said = [call.tool if how == "short" else _steps(call) for call in calls] or [NO_TOOL]
    return f"{THINK} {' then '.join(said)}{THINK_END}" if how != "none" else f"{THINK}{THINK_END}"


def _steps(call: Call) -> str:
    words = [call.tool]
    for parameter, value in call.arguments.items():
        way = call.phrases.get(parameter)
        words += [parameter, f"{way} is {value}" if way else str(value)]
    return " ".join(words)


# Content: each gives the calls and their lines.

Content = tuple[list[Call], list[str]]


def _lines(calls: list[Call]) -> Content:
    return calls, [str(call) for call in calls]


def _right(request: Request, largest: int, rng: random.Random) -> Content:
    return _lines(list(request.calls))


def _with(request: Request, at: int, **changes: object) -> list[Call]:
    calls = list(request.calls)
    calls[at] = replace(calls[at], **changes)
    return calls


def _argument(request: Request, rng: random.Random, numbers: bool = False) -> tuple[int, str] | None:
    """The place of an argument: the call and the parameter."""
    places = [
        (at, parameter)
        for at, call in enumerate(request.calls)
        for parameter, value in call.arguments.items()
        if isinstance(value, int) or not numbers
    ]
    return rng.choice(places) if places else None


def _wrong_value(request: Request, largest: int, rng: random.Random) -> Content:
    if (place := _argument(request, rng)) is None:
        return _right(request, largest, rng)
    at, parameter = place
    call = request.calls[at]
    kind = request.offered[call.tool][parameter]
    value = _slip(call.arguments[parameter], kind, largest, rng)
    return _lines(_with(request, at, arguments=call.arguments | {parameter: value}))


def _slip(value: Value, kind: str, largest: int, rng: random.Random) -> Value:
    if isinstance(value, int) and rng.random() < 0.5:  # a small slip of the working out
        return value + (rng.choice((-2, -1, 1, 2)) if value > 2 else 1)
    return other_value(kind, (value,), largest, rng)


def _dropped_parameter(request: Request, largest: int, rng: random.Random) -> Content:
    if (place := _argument(request, rng)) is None:
        return _right(request, largest, rng)
    at, parameter = place
    left = {name: value for name, value in request.calls[at].arguments.items() if name != parameter}
    return _lines(_with(request, at, arguments=left))


def _wrong_tool(request: Request, largest: int, rng: random.Random) -> Content:
    if not request.calls:
        return _right(request, largest, rng)
    at = rng.randrange(len(request.calls))
    others = [name for name in request.offered if name != request.calls[at].tool]
    return _lines(_with(request, at, tool=rng.choice(others))) if others else _right(request, largest, rng)


def _dropped_call(request: Request, largest: int, rng: random.Random) -> Content:
    calls = list(request.calls)
    if len(calls) > 1:
        del calls[rng.randrange(len(calls))]
    return _lines(calls)


def _extra_call(request: Request, largest: int, rng: random.Random) -> Content:
    tool, parameters = rng.choice(list(request.offered.items()))
    arguments = {name: other_value(kind, (), largest, rng) for name, kind in parameters.items()}
    return _lines([*request.calls, Call(tool, arguments, {})])


def _number_as_text(request: Request, largest: int, rng: random.Random) -> Content:
    calls, lines = _right(request, largest, rng)
    if place := _argument(request, rng, numbers=True):
        at, parameter = place
        text = {parameter: str(calls[at].arguments[parameter])}
        lines[at] = str(replace(calls[at], arguments=calls[at].arguments | text))
    return calls, lines


def _broken_json(request: Request, largest: int, rng: random.Random) -> Content:
    calls, lines = _right(request, largest, rng)
    if lines:
        at = rng.randrange(len(lines))
        # The last brace, the first quote of the name, or the colon before the parameters.
        whole = lines[at]
        lines[at] = rng.choice((whole[:-1], whole.replace(': "', ": ", 1), whole.replace('": {', '" {', 1)))
    return calls, lines


_CONTENT: dict[str, Callable[[Request, int, random.Random], Content]] = {
    "right": _right,
    "wrong_value": _wrong_value,
    "dropped_parameter": _dropped_parameter,
    "wrong_tool": _wrong_tool,
    "dropped_call": _dropped_call,
    "extra_call": _extra_call,
    "number_as_text": _number_as_text,
    "broken_json": _broken_json,
}


# Form: each takes the reasoning and the parts.


def _proper(think: str, parts: list[str], rng: random.Random) -> str:
    return "\n".join([think, *parts])


def _no_newline(think: str, parts: list[str], rng: random.Random) -> str:
    text = _proper(think, parts, rng)
    # Beside a tag; between two calls it would break the JSON.
    at = rng.choice([match.start() for match in re.finditer(r"(?<=>)\n|\n(?=<)", text)])
    return text[:at] + text[at + 1 :]


def _no_think(think: str, parts: list[str], rng: random.Random) -> str:
    return "\n".join(parts)


def _extra_response(think: str, parts: list[str], rng: random.Random) -> str:
    return _proper(think, [*parts, "<response> ok </response>"], rng)


def _unclosed(think: str, parts: list[str], rng: random.Random) -> str:
    body, _, tag = _proper(think, parts, rng).rpartition("</")
    return body + "<" + tag if rng.random() < 0.5 else body.rstrip()


def _doubled(think: str, parts: list[str], rng: random.Random) -> str:
    at = rng.randrange(len(parts))
    part = parts[at]
    again = part + "\n" + part[part.rindex("</") :]
    return _proper(think, [*parts[:at], again, *parts[at + 1 :]], rng)


def _swapped(think: str, parts: list[str], rng: random.Random) -> str:
    return "\n".join([think, *reversed(parts)] if len(parts) > 1 else [*parts, think])


def _trailing(think: str, parts: list[str], rng: random.Random) -> str:
    return _proper(think, parts, rng) + rng.choice((" ok", "\nok", " well done"))


_FORMS: dict[str, Callable[[str, list[str], random.Random], str]] = {
    "proper": _proper,
    "no_newline": _no_newline,
    "no_think": _no_think,
    "extra_response": _extra_response,
    "unclosed": _unclosed,
    "doubled": _doubled,
    "swapped": _swapped,
    "trailing": _trailing,
}

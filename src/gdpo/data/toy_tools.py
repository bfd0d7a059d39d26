"""Requests for tool calls in a small world of eight tools, each with its gold answer, made from phrases.

A row offers a few tools (`context`), asks for something in words (`problem`) and has the gold answer in the
form of ToolRL (arXiv 2504.13958): a `<tool_call>` block with a JSON object a line, a `<response>`, or both.
"""

import itertools
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pydantic import NonNegativeInt, PositiveInt

from gdpo.config.problems import Split
from gdpo.config.toy_tools import ToolRequests
from gdpo.data.shares import share_out
from gdpo.data.splits import SpentError, add_distinct, split_by_hash
from gdpo.data.spoken_numbers import ways_to_say
from gdpo.plugins import source

Value = int | str

DEFAULTS = ToolRequests()
_SALT = "gdpo toy tools split 1"


@dataclass(frozen=True)
class Tool:
    """A tool: two names, its parameters with the kind of their values, and phrases that ask for it."""

    names: tuple[str, str]
    parameters: dict[str, str]
    phrases: tuple[str, ...]


WORDS: dict[str, tuple[str, ...]] = {
    "city": ("paris", "rome", "oslo", "cairo", "lima", "delhi"),
    "day": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "currency": ("euro", "dollar", "yen", "pound", "peso"),
    "person": ("anna", "ben", "carl", "dora", "emil"),
    "style": ("jazz", "rock", "folk", "soul", "opera"),
    "item": ("milk", "bread", "keys", "rent", "tax", "eggs"),
}
"""Kind of value -> its words."""
NUMBERS: dict[str, tuple[int, int]] = {
    "minutes": (1, 999),
    "amount": (1, 999),
    "hour": (1, 23),
    "people": (2, 12),
}
"""Kind of value -> smallest and largest number."""
TOOLS: tuple[Tool, ...] = (
    Tool(
        ("timer", "countdown"),
        {"minutes": "minutes"},
        ("set a timer for {minutes} minutes", "tell me when {minutes} minutes are over"),
    ),
    Tool(
        ("weather", "forecast"),
        {"city": "city", "day": "day"},
        ("how warm is {city} on {day}", "will it rain on {day} in {city}"),
    ),
    Tool(
        ("convert", "exchange"),
        {"amount": "amount", "from": "currency", "to": "currency"},
        ("change {amount} {from} to {to}", "how many {to} are {amount} {from}"),
    ),
    Tool(
        ("book", "reserve"),
        {"city": "city", "people": "people", "hour": "hour"},
        ("a table in {city} for {people} at {hour}", "at {hour} we eat in {city} with {people}"),
    ),
    Tool(
        ("alarm", "wake"),
        {"hour": "hour", "day": "day"},
        ("wake me at {hour} on {day}", "i get up on {day} at {hour}"),
    ),
    Tool(("note", "write"), {"item": "item"}, ("do not let me forget the {item}", "put {item} on my list")),
    Tool(
        ("play", "music"),
        {"style": "style", "minutes": "minutes"},
        ("play {style} for {minutes} minutes", "i like to hear {minutes} minutes of {style}"),
    ),
    Tool(
        ("pay", "send"),
        {"person": "person", "amount": "amount"},
        ("pay {person} {amount} coins", "i owe {amount} coins to {person}"),
    ),
)
REPLIES = ("hello", "thanks", "good luck", "well done")
"""What a request may ask to be said."""
NO_TOOL = "no tool fits"
"""The response where none does."""


@dataclass(frozen=True)
class Call:
    """A call of a tool.

    Args:
        tool: the name under which it is offered.
        arguments: parameter -> value.
        phrases: parameter -> how the request says it, where it must be worked out.
    """

    tool: str
    arguments: dict[str, Value]
    phrases: dict[str, str]

    def __str__(self) -> str:
        return json.dumps({"name": self.tool, "parameters": self.arguments})


@dataclass(frozen=True)
class Request:
    """A request, the tools that are offered with it (name -> parameter -> kind), and what is right."""

    problem: str
    category: str
    offered: dict[str, dict[str, str]]
    calls: tuple[Call, ...]
    reply: str | None

    @property
    def context(self) -> str:
        """The offered tools, one a line: name and parameters."""
        return "\n".join(" ".join([name, *parameters]) for name, parameters in self.offered.items())

    @property
    def answer(self) -> str:
        """The gold answer."""
        return "\n".join(blocks([str(call) for call in self.calls], self.reply))


def blocks(calls: list[str], reply: str | None) -> list[str]:
    """The parts of an answer in their order: the calls, if any, and the response, if any."""
    made = ["\n".join(["<tool_call>", *calls, "</tool_call>"])] if calls else []
    return made if reply is None else [*made, f"<response> {reply} </response>"]


@source
def toy_tools(
    *, split: Split, size: PositiveInt, seed: NonNegativeInt = 0, requests: ToolRequests = DEFAULTS
) -> list[dict[str, Any]]:
    """Rows with `context`, `problem`, `answer` and `category`, no request twice.

    Args:
        split: which requests; the hash of a request's text decides, so that no request is in both.
        size: number of rows.
        seed: of the requests and their order.
        requests: mix and difficulty.

    Raises:
        ValueError: fewer different requests exist.
    """
    found: dict[str, Request] = {}
    for category, count in share_out(size, requests.mix.model_dump()).items():
        rng = random.Random(f"toy tools:{category}:{split}:{seed}")
        _add(found, count, (_request(requests, category, rng) for _ in itertools.count()), split)
    rows = list(found.values())
    random.Random(seed).shuffle(rows)
    names = ("context", "problem", "answer", "category")
    return [{name: getattr(request, name) for name in names} for request in rows]


def _add(found: dict[str, Request], count: int, draws: Iterator[Request], split: Split) -> None:
    keyed = ((normalise(request.problem), request) for request in draws)
    try:
        add_distinct(found, count, keyed, lambda key: split_of(key) == split)
    except SpentError as spent:
        category = next(draws).category
        raise ValueError(
            f"size: {count} different requests of the kind {category} wanted, about {spent.count} exist in "
            f"the {split} split; lower size or the kind's share (requests.mix), or widen requests (largest, "
            "worked_out, largest_step)"
        ) from None


def normalise(text: str) -> str:
    """The text with single spaces, in lower case: what makes two requests the same."""
    return re.sub(r"\s+", " ", text).strip().lower()


def split_of(problem: str) -> Split:
    """The split that a request belongs to, from a salted hash of its normalised text alone."""
    return split_by_hash(_SALT, normalise(problem))


def stream(section: ToolRequests, split: Split, seed: int) -> Iterator[Request]:
    """Requests of one split without end; the same one may come again."""
    rng = random.Random(f"toy tools:{split}:{seed}")
    categories, weights = zip(*section.mix.model_dump().items(), strict=True)
    while True:
        request = _request(section, rng.choices(categories, weights)[0], rng)
        if split_of(request.problem) == split:
            yield request


def _request(section: ToolRequests, category: str, rng: random.Random) -> Request:
    tools = rng.sample(TOOLS, len(TOOLS))
    offered = {tool.names[rng.random() < section.renamed]: tool for tool in tools[: section.offered]}
    shown = {name: tool.parameters for name, tool in offered.items()}
    if category == "none":
        text, _ = _ask("", rng.choice(tools[section.offered :]), section, rng)
        return Request(text, category, shown, (), NO_TOOL)
    count = rng.randint(2, section.most_calls) if category == "parallel" else 1
    asked = [_ask(name, offered[name], section, rng) for name in rng.choices(list(offered), k=count)]
    text = " and ".join(text for text, _ in asked)
    request = Request(text, category, shown, tuple(call for _, call in asked), None)
    if category != "both":
        return request
    reply = rng.choice(REPLIES)
    return replace(request, problem=f"{text} then say {reply}", reply=reply)


def _ask(name: str, tool: Tool, section: ToolRequests, rng: random.Random) -> tuple[str, Call]:
    """A phrase that asks for the tool, and the call that is right."""
    arguments: dict[str, Value] = {}
    said: dict[str, str] = {}
    phrases: dict[str, str] = {}
    for parameter, kind in tool.parameters.items():
        # Nobody changes euro to euro.
        taken = arguments.values() if kind == "currency" else ()
        value = other_value(kind, tuple(taken), section.largest, rng)
        arguments[parameter], said[parameter] = value, str(value)
        if rng.random() < section.worked_out and (ways := _ways(kind, value, section, rng)):
            said[parameter] = phrases[parameter] = rng.choice(ways)
    return rng.choice(tool.phrases).format(**said), Call(name, arguments, phrases)


def other_value(kind: str, taken: tuple[Value, ...], largest: int, rng: random.Random) -> Value:
    """A value of a kind that is not among those taken; numbers go up to `largest`."""
    if kind in WORDS:
        return rng.choice([word for word in WORDS[kind] if word not in taken])
    low, high = NUMBERS[kind]
    while (value := rng.randint(low, min(high, largest))) in taken:
        pass
    return value


def _ways(kind: str, value: Value, section: ToolRequests, rng: random.Random) -> list[str]:
    """How a value can be said so that it must be worked out; empty for most words."""
    if kind == "day":
        days = WORDS["day"]
        at = days.index(str(value))
        return [f"the day after {days[at - 1]}", f"the day before {days[(at + 1) % len(days)]}"]
    if not isinstance(value, int):
        return []
    return ways_to_say(value, section.largest_step, rng)

"""A row of a tool-calling dataset as a problem: a prompt that offers tools, and the calls that are right."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gdpo.tasks.tool_calling.bfcl
import gdpo.tasks.tool_calling.graders  # noqa: F401 - both register their grader
from gdpo.plugins import task
from gdpo.tasks.problem import Gold
from gdpo.tasks.row import (
    ROLES,
    TOO_DEEP,
    Asked,
    Row,
    RowError,
    bounded,
    is_empty,
    nested_value,
    text_of,
)
from gdpo.tasks.tool_calling.calls import RESPONSE, TOOL_CALL, gold_calls
from gdpo.tasks.tool_calling.prompt import dialogue, last_words, system_prompt


def _right(gold: Gold) -> tuple[str, str]:
    return "<think>", f" </think>\n{gold.answers[0]}"


@task(
    name="tool-calling",
    grader="tool_calls",
    right=_right,
    tokens=160,
    ignores=("options", "unit", "tolerance", "several_answers", "suffix"),
)
def tool_calling(row: Row) -> Asked:
    """Calls of tools that a prompt offers, or an answer where none fits.

    The prompt is the row's messages as they are, its ``context`` before them as system text; with ``tools``,
    ToolRL's prompt around them and the dialogue, below the context and other system text. The gold is a text
    with ``<tool_call>`` and ``<response>`` (ToolRL), or a list of calls; for another grader, any text.
    """
    messages = _messages(row.problem)
    said = [message["content"] for message in messages if message["role"] == "user"]
    if not said:
        raise RowError("a prompt without a message of the user")
    words, messages = last_words(said[-1]), [_with_hint(message) for message in messages]
    if context := text_of("context", row.context):
        messages = [{"role": "system", "content": context}, *messages]
    if not is_empty(row.tools):
        messages = _offered(row.tools, messages)
    if row.grader not in (None, "tool_calls"):
        if not (gold := text_of("answer", row.answer)):
            raise RowError("no answer")
        return Asked(words, [gold], "text", messages=messages)
    gold = _gold(row.answer)
    return Asked(words, [gold], "+".join(gold_calls(gold).parts), messages=messages)


def _messages(problem: Any) -> list[dict[str, str]]:
    """A dialogue as messages of role, content and perhaps a hint; a text is the user's."""
    problem = nested_value(problem)
    if not isinstance(problem, list):
        text = text_of("problem", problem)
        if not text:
            raise RowError("no problem text")
        return [{"role": "user", "content": text}]
    found = []
    for message in problem:
        if not isinstance(message, Mapping) or message.get("role") not in ROLES:
            raise RowError(f"a message without one of the roles {', '.join(ROLES)}")
        text = text_of("message", message.get("content"))
        if message["role"] == "assistant" and message.get("tool_calls"):
            text = f"{text}\n{_said(message['tool_calls'])}".strip()
        if not text:
            raise RowError("a message without content")
        hint = text_of("hint", message.get("hint"))
        found.append({"role": message["role"], "content": text} | ({"hint": hint} if hint else {}))
    return found


def _with_hint(message: Mapping[str, str]) -> dict[str, str]:
    """The message as it is sent, what a source adds to the speaker's words below them."""
    content = "\n".join(message[key] for key in ("content", "hint") if key in message)
    return {"role": message["role"], "content": content}


def _said(calls: Any) -> str:
    """The calls of an assistant's message (OpenAI's ``tool_calls``) as a response of ToolRL's has them."""
    nested, calls = not isinstance(calls, str), nested_value(calls)
    if not isinstance(calls, list):
        raise RowError("a message whose tool_calls are no list")
    try:
        return _block([_call(call, nested) for call in calls])
    except ValueError as error:
        raise RowError(f"a message with {error}") from error


def _gold(answer: Any) -> str:
    """The gold text without its reasoning, which is no part of what is compared."""
    nested, answer = not isinstance(answer, str), nested_value(answer)
    calls = [answer] if isinstance(answer, Mapping) else answer
    try:
        if isinstance(calls, list):
            return _called(calls, nested)
        text = text_of("answer", answer).partition("</think>")
        if not (gold := (text[2] if text[1] else text[0]).strip()):
            raise RowError("no answer")
        return _checked(gold)
    except RowError:
        raise
    except (ValueError, RecursionError) as error:
        raise RowError(f"gold answer: {_reason(error)}") from error


def _called(calls: Sequence[Any], nested: bool) -> str:
    """The gold text of a list of calls."""
    if not calls:
        raise ValueError("an empty list of calls; write an answer without any as <response> ... </response>")
    return _block([_call(call, nested) for call in calls])


def _checked(gold: str) -> str:
    """A gold text that can be compared with, its calls in ToolRL's spelling.

    Raises:
        ValueError, RecursionError: it cannot be.
    """
    for part in (TOOL_CALL, RESPONSE):
        if gold.count(f"<{part}>") > 1:
            raise ValueError(f"more than one <{part}>")
    gold = _respelled(gold)
    parts = gold_calls(gold).parts
    if not gold.startswith(f"<{parts[0]}>") or not gold.endswith(f"</{parts[-1]}>"):
        raise ValueError("text outside of <tool_call> and <response>")
    return gold


def _respelled(gold: str) -> str:
    """A gold text with ``parameters`` where its calls have ``arguments`` (Qwen's); else as it is."""
    before, opened, rest = gold.partition(f"<{TOOL_CALL}>")
    block, closed, after = rest.partition(f"</{TOOL_CALL}>")
    if not opened or not closed:
        return gold
    found = [json.loads(line) for line in block.strip().split("\n")]
    calls = [bounded(call) if _is_toolrls(call) else _call(call, nested=False) for call in found]
    return gold if all(map(_is_toolrls, found)) else f"{before}{_block(calls)}{after}"


def _is_toolrls(call: Any) -> bool:
    return isinstance(call, Mapping) and isinstance(call.get("parameters"), Mapping) and "name" in call


def _block(calls: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join([f"<{TOOL_CALL}>", *map(json.dumps, calls), f"</{TOOL_CALL}>"])


def _call(call: Any, nested: bool) -> dict[str, Any]:
    """A call's name and parameters, of ToolRL's spelling, Qwen's or OpenAI's.

    Args:
        call: an object.
        nested: whether it stands in the row as such, and is no text of JSON.

    Raises:
        ValueError: no name or parameters.
    """
    call = _inner(call)
    if isinstance(call, Mapping) and isinstance(call.get("name"), str):
        given = [call[key] for key in ("parameters", "arguments") if key in call]
        parameters = next((nested_value(value, nested) for value in given if not is_empty(value)), {})
        if given and isinstance(parameters, Mapping):
            return {"name": call["name"], "parameters": parameters}
    raise ValueError("a tool call that is no object with name and parameters")


def _offered(tools: Any, messages: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """ToolRL's prompt: the tools below other system text, the dialogue as what the user sends."""
    nested, tools = not isinstance(tools, str), nested_value(tools)
    if not isinstance(tools, list) or not all(isinstance(tool, Mapping) for tool in tools):
        raise RowError("tools that are no list of objects with name, description and parameters")
    offer = system_prompt([_tool(tool, nested) for tool in tools])
    system = "\n\n".join([*(m["content"] for m in messages if m["role"] == "system"), offer])
    return [{"role": "system", "content": system}, {"role": "user", "content": dialogue(messages)}]


def _tool(tool: Mapping[str, Any], nested: bool) -> dict[str, Any]:
    """A tool's name, description and parameters, of ToolRL's form or OpenAI's."""
    tool = _inner(tool)
    if not (name := text_of("a tool's name", tool.get("name"))):
        raise RowError("a tool without name")
    if "parameters" not in tool:
        raise RowError("a tool without parameters; of one that takes none they are {}")
    given = tool["parameters"]
    parameters = {} if is_empty(given) else nested_value(given, nested)
    if not isinstance(parameters, Mapping):
        raise RowError("a tool whose parameters are no object")
    description = text_of("a tool's description", tool.get("description"))
    return {"name": name, "description": description, "parameters": parameters}


def _inner(value: Any) -> Any:
    """What OpenAI's ``{"type": "function", "function": {...}}`` wraps; anything else as it is."""
    wrapped = isinstance(value, Mapping) and isinstance(value.get("function"), Mapping)
    return value["function"] if wrapped else value


def _reason(error: Exception) -> str:
    """What is wrong, without what differs from row to row."""
    if isinstance(error, json.JSONDecodeError):
        return "a line of its tool call is no JSON"
    return TOO_DEEP if isinstance(error, RecursionError) else str(error)

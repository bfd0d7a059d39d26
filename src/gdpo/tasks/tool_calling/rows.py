"""A row of a tool-calling dataset as a problem: a prompt that offers tools, and the calls that are right."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gdpo.tasks.tool_calling.bfcl
import gdpo.tasks.tool_calling.graders  # noqa: F401 - both register their grader
from gdpo.plugins import task
from gdpo.tasks.problem import Gold
from gdpo.tasks.row import Asked, Row, RowError, text_of
from gdpo.tasks.tool_calling.calls import TOOL_CALL, gold_calls
from gdpo.tasks.tool_calling.prompt import dialogue, system_prompt

_ROLES = ("system", "user", "assistant", "tool")


def _right(gold: Gold) -> tuple[str, str]:
    return "<think>", f" </think>\n{gold.answers[0]}"


@task(name="tool-calling", grader="tool_calls", right=_right, tokens=160)
def tool_calling(row: Row) -> Asked:
    """Calls of tools that a prompt offers, or an answer where none fits.

    The prompt is the row's messages as they are, its ``context`` before them as system text; with ``tools``,
    ToolRL's prompt around them and the dialogue, below the context and other system text. The gold is a text
    with ``<tool_call>`` and ``<response>`` (ToolRL), or a list of calls; for another grader, any text.
    """
    messages = _messages(row.problem)
    if context := text_of("context", row.context):
        messages = [{"role": "system", "content": context}, *messages]
    if not _nothing(row.tools):
        messages = _offered(_plain(row.tools), messages)
    asked = [m["content"] for m in messages if m["role"] != "system"]
    if not asked:
        raise RowError("a prompt without a message of the user")
    if row.grader not in (None, "tool_calls"):
        if not (gold := text_of("answer", row.answer)):
            raise RowError("no answer")
        return Asked(asked[-1], [gold], "text", messages=messages)
    gold = _gold(row.answer)
    return Asked(asked[-1], [gold], "+".join(gold_calls(gold).parts), messages=messages)


def _messages(problem: Any) -> list[dict[str, str]]:
    """A dialogue as messages of role and content; a text is the user's."""
    problem = _plain(problem)
    if not isinstance(problem, list):
        text = text_of("problem", problem)
        if not text:
            raise RowError("no problem text")
        return [{"role": "user", "content": text}]
    found = []
    for message in problem:
        if not isinstance(message, Mapping) or message.get("role") not in _ROLES:
            raise RowError(f"a message without one of the roles {', '.join(_ROLES)}")
        text = text_of("message", message.get("content"))
        if message["role"] == "assistant" and message.get("tool_calls"):
            text = f"{text}\n{_said(message['tool_calls'])}".strip()
        if not text:
            raise RowError("a message without content")
        found.append({"role": message["role"], "content": text})
    return found


def _said(calls: Any) -> str:
    """The calls of an assistant's message (OpenAI's ``tool_calls``) as a response of ToolRL's has them."""
    calls = _plain(calls)
    if not isinstance(calls, list):
        raise RowError("a message whose tool_calls are no list")
    try:
        return _block([_call(call) for call in calls])
    except ValueError as error:
        raise RowError(f"a message with {error}") from error


def _gold(answer: Any) -> str:
    """The gold text without its reasoning, which is no part of what is compared."""
    answer = _plain(answer)
    if isinstance(answer, list):
        answer = _called(answer)
    text = text_of("answer", answer).partition("</think>")
    gold = (text[2] if text[1] else text[0]).strip()
    if not gold:
        raise RowError("no answer")
    try:
        parts = gold_calls(gold).parts
    except (ValueError, RecursionError) as error:
        raise RowError(f"gold answer: {_reason(error)}") from error
    if not gold.startswith(f"<{parts[0]}>") or not gold.endswith(f"</{parts[-1]}>"):
        raise RowError("gold answer: text outside of <tool_call> and <response>")
    return gold


def _called(calls: Sequence[Any]) -> str:
    """The gold text of a list of calls."""
    if not calls:
        raise RowError("no answer")
    try:
        return _block([_call(call) for call in calls])
    except ValueError as error:
        raise RowError(f"gold answer: {error}") from error


def _block(calls: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join([f"<{TOOL_CALL}>", *map(json.dumps, calls), f"</{TOOL_CALL}>"])


def _call(call: Any) -> dict[str, Any]:
    """A call's name and parameters, of ToolRL's spelling or OpenAI's.

    Raises:
        ValueError: it has none.
    """
    if isinstance(call, Mapping) and isinstance(call.get("function"), Mapping):
        call = call["function"]
    if isinstance(call, Mapping) and isinstance(call.get("name"), str):
        parameters = _plain(call.get("parameters", call.get("arguments")))
        if isinstance(parameters, Mapping):
            return {"name": call["name"], "parameters": parameters}
    raise ValueError("a tool call that is no object with name and parameters")


def _offered(tools: Any, messages: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """ToolRL's prompt: the tools below other system text, the dialogue as what the user sends."""
    if not isinstance(tools, list) or not all(isinstance(tool, Mapping) for tool in tools):
        raise RowError("tools that are no list of objects with name, description and parameters")
    try:
        offer = system_prompt(tools)
    except (KeyError, TypeError, AttributeError) as error:
        raise RowError(f"a tool without {error}") from error
    system = "\n\n".join([*(m["content"] for m in messages if m["role"] == "system"), offer])
    return [{"role": "system", "content": system}, {"role": "user", "content": dialogue(messages)}]


def _nothing(value: Any) -> bool:
    """Whether a cell is empty; not-a-number is how tables write nothing."""
    return value is None or value != value or (isinstance(value, str) and not value.strip())  # noqa: PLR0124


def _plain(value: Any) -> Any:
    """A list or object, which some files have as the text of its JSON; anything else as it is."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _reason(error: Exception) -> str:
    """What is wrong, without what differs from row to row."""
    if isinstance(error, json.JSONDecodeError):
        return "a line of its tool call is no JSON"
    return "nested too deep" if isinstance(error, RecursionError) else str(error)

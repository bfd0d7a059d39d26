"""ToolRL's prompt: the system text with the tools, and the dialogue in one message of the user.

The text in ``toolrl_prompt.txt`` is that of ToolRL's data and of its handler for the Berkeley Function
Calling Leaderboard (https://github.com/qiancheng0/ToolRL, ``benchmarks/BFCL/rlla_qwen.py``; Apache-2.0, Qian
et al. 2025). A model trained on it is asked with exactly it. The handler ends the system text with a newline,
the training data do not; here it is as in the data. Between turns the spaces are the handler's.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

HEAD = "**Dialogue Records History**"
"""First line of the user's message."""


def system_prompt(tools: Sequence[Mapping[str, Any]]) -> str:
    """The system message that names the tools.

    Args:
        tools: ``name``, ``description`` and ``parameters`` each; of a JSON schema (``{"type": "dict",
            "properties": {...}, "required": [...]}``, as the leaderboard has it) only the properties are
            shown, any other mapping is shown as it is.

    Raises:
        KeyError: a tool without one of the three.
    """
    shown = "\n".join(_shown(number, tool) for number, tool in enumerate(tools, start=1))
    return _template().replace("{tools}", shown)


def dialogue(messages: Sequence[Mapping[str, str]]) -> str:
    """The user's message: what was said so far, a tag a speaker; system messages are left out.

    Args:
        messages: ``role`` (user, assistant, tool or system) and ``content`` each; an assistant's has its own
            tags, a tool's is what it returned.

    Raises:
        ValueError: another role.
    """
    text = f"{HEAD}\n"
    for message in messages:
        role, content = message["role"], message["content"].strip()
        if role == "user":
            text += f"<user> {content} </user>\n"
        elif role == "assistant":
            text += f"\n{content}\n"
        elif role == "tool":
            text += f"<obs> {content} </obs>\n"  # as the data have it; the handler says more
        elif role != "system":
            raise ValueError(f"role {role!r}: one of user, assistant, tool and system is needed")
    return text.strip()


def last_words(text: str) -> str:
    """What the user said last, of a message that :func:`dialogue` made; another text as it is."""
    said = re.findall("<user>(.*?)</user>", text, re.DOTALL) if text.startswith(HEAD) else []
    return said[-1].strip() if said else text


@cache
def _template() -> str:
    return files(__package__).joinpath("toolrl_prompt.txt").read_text(encoding="utf-8").removesuffix("\n")


def _shown(number: int, tool: Mapping[str, Any]) -> str:
    parameters = tool["parameters"]
    if _is_schema(parameters):
        parameters = parameters["properties"]
    return (
        f"{number}. Name: {tool['name']}\nDescription: {tool['description']}\n"
        f"Parameters: {json.dumps(parameters)}"
    )


def _is_schema(parameters: Mapping[str, Any]) -> bool:
    """Whether these are a schema of parameters, and no parameters that are called ``type`` and so on."""
    kind, properties = parameters.get("type"), parameters.get("properties")
    return kind in ("dict", "object") and isinstance(properties, Mapping)

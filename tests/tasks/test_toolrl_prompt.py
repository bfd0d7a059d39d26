"""ToolRL's prompt: the very messages of its data."""

import json
import os
import re
from pathlib import Path

import pandas as pd
import pytest

from gdpo.tasks.tool_calling.prompt import dialogue, system_prompt

MIRROR = Path(os.environ.get("GDPO_DATA_MIRROR") or "/nowhere")
# In the mirror, or beside it: CI names the folder of one dataset.
FOLDER = next(filter(Path.is_dir, (MIRROR / "toolrl", MIRROR.parent / "toolrl")), MIRROR)
TEST, WORKED = "rlla_test.parquet", "rlla_sft.json"


def real_messages(file: str) -> list[tuple[str, str]]:
    """System text and user's text of each row."""
    if file == WORKED:
        return [(row["instruction"], row["input"]) for row in json.loads((FOLDER / file).read_text())]
    prompts = pd.read_parquet(FOLDER / file)["prompt"]
    return [(system["content"], user["content"]) for system, user in prompts]


def offered(system: str) -> list[dict]:
    """The tools of a system text, read back from it."""
    listed = system.split("the following tools:\n", 1)[1].rsplit("\n\n**Steps for Each Turn**", 1)[0]
    tool = re.compile(r"\d+\. Name: (.*?)\nDescription: (.*)\nParameters: (.*)", re.DOTALL)
    found = [tool.fullmatch(one).groups() for one in re.split(r"\n(?=\d+\. Name: )", listed)]
    return [{"name": n, "description": d, "parameters": json.loads(p)} for n, d, p in found]


@pytest.mark.parametrize(("file", "rows"), [(TEST, 80), (WORKED, 400)])
def test_the_prompt_is_the_very_message_of_every_real_row(file, rows):
    if not (FOLDER / file).is_file():
        pytest.skip(f"GDPO_DATA_MIRROR names no folder with toolrl/{file}")
    messages = real_messages(file)
    assert len(messages) == rows
    first_turns = 0
    for system, user in messages:
        assert system_prompt(offered(system)) == system
        if user.count("<user>") == 1 and "<think>" not in user:
            first_turns += 1
            said = user.partition("<user>")[2].rpartition("</user>")[0]
            assert dialogue([{"role": "user", "content": said}]) == user
    assert first_turns > 0.8 * rows


def test_of_a_schema_only_the_properties_are_shown():
    properties = {"city": {"type": "string", "description": "Where é"}}
    schema = {"type": "dict", "properties": properties, "required": ["city"]}
    tools = [
        {"name": name, "description": f"{name}'s.", "parameters": parameters}
        for name, parameters in (("a", schema), ("b", properties), ("c", {}))
    ]
    shown = 'Parameters: {"city": {"type": "string", "description": "Where \\u00e9"}}'
    assert (
        f"tools:\n1. Name: a\nDescription: a's.\n{shown}\n2. Name: b\nDescription: b's.\n{shown}\n"
        "3. Name: c\nDescription: c's.\nParameters: {}\n\n**Steps for Each Turn**\n"
    ) in system_prompt(tools)
    assert offered(system_prompt(tools))[0]["parameters"] == properties


def test_parameters_that_have_the_names_of_a_schema_are_parameters():
    parameters = {"type": {"type": "string"}, "properties": {"type": "string"}}
    tool = {"name": "{tools}", "description": "x", "parameters": parameters}
    assert offered(system_prompt([tool])) == [tool]


def test_a_dialogue_has_a_tag_a_speaker_and_no_system_text():
    messages = [
        {"role": "system", "content": "not shown"},
        {"role": "user", "content": " Rome? \n"},
        {"role": "assistant", "content": "<think> a </think>\n<tool_call>\n{}\n</tool_call>"},
        {"role": "tool", "content": "rain"},
    ]
    assert dialogue(messages) == (
        "**Dialogue Records History**\n<user> Rome? </user>\n\n"
        "<think> a </think>\n<tool_call>\n{}\n</tool_call>\n<obs> rain </obs>"
    )
    with pytest.raises(ValueError, match="'robot'"):
        dialogue([{"role": "robot", "content": "x"}])

"""Lessons of programming: each quality is what it says, as Python finds it, and as often as its share."""

import ast
import itertools
import json
import random
import re

import pytest

from gdpo.config.program_starting_model import ProgramMix, ProgramStartingModel, ThoughtMix
from gdpo.data.toy_programs import Function, Step, gold, stream
from gdpo.starting_model.program_lessons import Quality, draw_quality, lesson
from gdpo.starting_model.program_tokenizer import make_program_tokenizer
from gdpo.starting_model.tokenizer import check_encodable

SECTION = ProgramStartingModel()
COUNT = 600


@pytest.fixture(scope="module")
def functions():
    return list(itertools.islice(stream(SECTION.problems, "train", 3), COUNT))


def written(functions, program="right", thought="none", guarded=True):
    rng = random.Random(5)
    return [lesson(asked, Quality(program, thought, guarded), 20, rng) for asked in functions]


def block(text):
    found = re.fullmatch(r"<think>(?: [^<]*)?</think>\n```python\n(.*)\n```", text, re.DOTALL)
    return found[1] if found else None


def outcome(text, asked):
    """Of each test passed, failed, or the error's name; one name alone where nothing can be run."""
    if (source := block(text)) is None:
        return "no block"
    made = {}
    try:
        exec(source, made)  # noqa: S102 - ours
    except SyntaxError:
        return "SyntaxError"
    found = []
    for given, returned in json.loads(gold(asked))["calls"]:
        try:
            found.append("passed" if made["f"](*given) == returned else "failed")
        except Exception as error:  # noqa: BLE001 - whatever it is
            found.append(type(error).__name__)
    return found


def test_a_right_program_passes_every_test(functions):
    for asked, text in zip(functions, written(functions), strict=True):
        assert outcome(text, asked) == ["passed"] * 8, text


@pytest.mark.parametrize("program", ["wrong_constant", "wrong_step", "dropped_step"])
def test_a_wrong_program_runs_and_hardly_ever_passes_all_tests(functions, program):
    found = [outcome(text, asked) for asked, text in zip(functions, written(functions, program), strict=True)]
    assert {each for tests in found for each in tests} == {"passed", "failed"}
    assert sum(tests == ["passed"] * 8 for tests in found) < 0.1 * COUNT
    shares = [tests.count("passed") / 8 for tests in found]
    assert 0.1 < sum(shares) / COUNT < 0.4


def test_what_is_not_returned_is_none(functions):
    for asked, text in zip(functions, written(functions, "no_return"), strict=True):
        assert outcome(text, asked) == ["failed"] * 8
        (function,) = ast.parse(block(text)).body
        assert not any(isinstance(node, ast.Return) for node in ast.walk(function))


def test_without_a_guard_the_lists_without_an_item_are_errors(functions):
    for asked, text in zip(functions, written(functions, guarded=False), strict=True):
        tests = outcome(text, asked)
        if asked.kind == "pick":
            assert tests[0] in ("IndexError", "ValueError") and tests.count("passed") >= 1
            assert set(tests) <= {"passed", tests[0]}
        else:
            assert tests == ["passed"] * 8


def test_an_undefined_name_is_an_error_wherever_it_is_met(functions):
    for asked, text in zip(functions, written(functions, "undefined_name"), strict=True):
        tests = outcome(text, asked)
        assert "NameError" in tests, text
        # No item, no look at what is done with it; and nothing to pick from is a right answer.
        assert asked.kind in ("each", "total", "pick") or tests == ["NameError"] * 8


@pytest.mark.parametrize(("program", "said"), [("broken_syntax", "SyntaxError"), ("unclosed", "no block")])
def test_what_is_broken_cannot_be_run(functions, program, said):
    for asked, text in zip(functions, written(functions, program), strict=True):
        assert outcome(text, asked) == said, text


def test_a_constant_that_is_a_text_is_an_error_of_its_type(functions):
    texts = written(functions, "text_constant")
    for asked, text in zip(functions, texts, strict=True):
        tests = outcome(text, asked)
        has_place = any(step.name in ("add", "subtract") for step in asked.steps)
        assert ("TypeError" in tests) == has_place, text
        assert has_place or tests == ["passed"] * 8


def test_shares_are_as_set(functions):
    section = SECTION.model_copy(update={"care": 1.0})
    rng = random.Random(11)
    drawn = [draw_quality(section, rng) for _ in range(10_000)]
    for mix, found in (
        (ProgramMix(), [quality.program for quality in drawn]),
        (ThoughtMix(), [quality.thought for quality in drawn]),
    ):
        shares = mix.model_dump()
        for name, share in shares.items():
            assert abs(found.count(name) / len(found) - share / sum(shares.values())) < 0.02, name
    assert abs(sum(quality.guarded for quality in drawn) / len(drawn) - 0.35) < 0.02


def test_worked_out_reasoning_goes_with_right_programs():
    rng = random.Random(12)
    drawn = [draw_quality(SECTION, rng) for _ in range(10_000)]
    right = {
        how: [quality.program == "right" for quality in drawn if quality.thought == how]
        for how in ThoughtMix.model_fields
    }
    share = {how: sum(values) / len(values) for how, values in right.items()}
    odds = {how: value / (1 - value) for how, value in share.items()}
    for how in ("steps", "checked"):
        assert 2.5 < odds[how] / odds["short"] < 3.5
    assert 0.8 < odds["none"] / odds["short"] < 1.25


def test_reasoning_names_every_step_and_how_its_constant_is_had():
    steps = (Step("multiply", 9, "times {}", "half of 18"), Step("add", 3, "plus {}", "3"))
    asked = Function("pair", "sum", "all", steps)
    assert asked.request() == "f(x, y): the sum of x and y, times half of 18, plus 3"
    said = {how: written([asked], thought=how)[0].partition("</think>")[0] for how in ThoughtMix.model_fields}
    worked_out = "sum is x + y then multiply half of 18 is 9 is (x + y) * 9 then add 3 is (x + y) * 9 + 3"
    assert said == {
        "none": "<think>",
        "short": "<think> sum then multiply then add",
        "steps": f"<think> {worked_out}",
        "checked": f"<think> {worked_out} then check then multiply 9 then add 3",
    }


def test_every_text_survives_the_tokenizer_and_is_short(functions):
    tokenizer = make_program_tokenizer(320)
    rng = random.Random(2)
    texts = [lesson(asked, draw_quality(SECTION, rng), 99, rng) for asked in functions]
    check_encodable(tokenizer, [*texts, *(asked.request() for asked in functions)])
    by_thought = {
        how: sorted(len(tokenizer.encode(text)) for text in written(functions, thought=how))[COUNT // 2]
        for how in ThoughtMix.model_fields
    }
    assert by_thought["none"] < by_thought["short"] < 40 < by_thought["steps"] < by_thought["checked"] < 90
    with pytest.raises(ValueError, match=r"'Ä' does not survive"):
        check_encodable(tokenizer, ["Ä"])
    odd = "```\n\ndef g (x) : retur x+\"3\"[-1]]  '' ``` <think>xyz"
    assert tokenizer.decode(tokenizer.encode(odd), skip_special_tokens=True) == odd


def test_the_chat_template_has_user_and_assistant():
    tokenizer = make_program_tokenizer(320)
    messages = [{"role": "user", "content": "f(x): take x, add 3"}]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert prompt == "<|user|>f(x): take x, add 3<|assistant|>"
    with pytest.raises(Exception, match="roles user and assistant, not system"):
        tokenizer.apply_chat_template([{"role": "system", "content": "1"}])
